using Sluice.Storage.Fetching;

namespace Sluice.Storage.Tests.Fetching;

public sealed class PacedFetchesTests
{
    private const int Chunk = 65536;
    private const long Slow = 512 << 10, Fast = 4 << 20;

    [Fact]
    public async Task WhatIsHereSaysNothingOfTheLine()
    {
        SyntheticBlob blob = SyntheticBlob.Create(81, 64, Chunk);
        using Rig rig = new(blob);
        await rig.AssertReadAsync(0, 8 * Chunk);
        PacedFetches fetches = new(FetchPriority.Prefetch, new ManualTime());
        await fetches.BeginAsync(rig.Disk.Reader, 0, 8 * Chunk, CancellationToken.None);
        await fetches.DrainAsync();
        Assert.Equal((8L * Chunk, Slow), (fetches.Bytes, fetches.MostOfOne));
        await fetches.BeginAsync(rig.Disk.Reader, 0, 16 * Chunk, CancellationToken.None); // half of it comes, in no time
        await fetches.DrainAsync();
        Assert.Equal((24L * Chunk, Fast), (fetches.Bytes, fetches.MostOfOne));
    }

    [Fact]
    public async Task NoMoreIsUnderWayThanALineIsKnownToBringSoon()
    {
        SyntheticBlob blob = SyntheticBlob.Create(83, 128, Chunk);
        using Rig rig = new(blob);
        Gate gate = new();
        rig.Source.Script = (_, _, cancellation) => gate.PassAsync(cancellation);
        PacedFetches fetches = new(FetchPriority.Prefetch, new ManualTime());
        Task all = Task.Run(async () =>
        {
            for (int index = 0; index < 4; index++) await fetches.BeginAsync(rig.Disk.Reader, index * Slow, Slow, CancellationToken.None);
            await fetches.DrainAsync();
        });
        await gate.ArrivedAsync(2);
        await Task.Delay(50);
        Assert.Equal((2 * Slow, 2), (fetches.UnderWay, rig.Source.Requests.Count));
        gate.Open();
        await all;
        Assert.Equal((0L, 4 * Slow), (fetches.UnderWay, fetches.Bytes));
    }

    [Fact]
    public async Task ALineIsKnownFromWhatCameLately()
    {
        SyntheticBlob blob = SyntheticBlob.Create(82, 64, Chunk);
        using Rig rig = new(blob);
        ManualTime time = new();
        PacedFetches fetches = new(FetchPriority.Prefetch, time);
        await fetches.BeginAsync(rig.Disk.Reader, 0, 32 * Chunk, CancellationToken.None);
        await fetches.DrainAsync();
        Assert.Equal((Fast, 128L << 10), (fetches.MostOfOne, fetches.Gap));
        Assert.Equal(Fast, new PacedFetches(FetchPriority.Prefetch, time, fetches).MostOfOne);
        time.Advance(TimeSpan.FromMinutes(2));
        Assert.Equal((Slow, 16L << 10), (new PacedFetches(FetchPriority.Prefetch, time, fetches).MostOfOne, new PacedFetches(FetchPriority.Prefetch, time, fetches).Gap));
    }
}
