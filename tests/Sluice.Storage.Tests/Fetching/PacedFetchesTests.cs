using Sluice.Storage.Fetching;
using Sluice.Testing;

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

    /// <summary>A source that takes long to answer, however much it is asked for at a time, is asked for more at a time.</summary>
    [Fact]
    public async Task ALongLineIsFilled()
    {
        SyntheticBlob blob = SyntheticBlob.Create(84, 1024, Chunk);
        using Rig rig = new(blob, Rig.NoExtras with { ConcurrencyPerSource = 128, TotalConcurrency = 128, MemoryInFlight = 512 << 20, MaxDecoded = (int)Slow });
        ManualTime time = new();
        TimeSpan answer = TimeSpan.FromMilliseconds(100);
        rig.Source.Script = (_, _, cancellation) => Task.Delay(answer, time, cancellation);
        PacedFetches fetches = new(FetchPriority.Prefetch, time) { MostUnderWay = 16 << 20 };
        bool begun = false;
        Task all = Task.Run(async () =>
        {
            for (long offset = 0; offset < blob.Length; offset += Slow) await fetches.BeginAsync(rig.Disk.Reader, offset, Slow, CancellationToken.None);
            Volatile.Write(ref begun, true);
            await fetches.DrainAsync();
        });
        long most = 0;
        while (!all.IsCompleted)
        {
            await Eventually.TrueAsync(() => all.IsCompleted || (fetches.UnderWay == time.TimerCount * Slow && (fetches.UnderWay > 2 * fetches.MostOfOne - Slow || Volatile.Read(ref begun))));
            most = Math.Max(most, fetches.UnderWay);
            time.Advance(answer);
        }

        await all;
        Assert.Equal(16 << 20, most);
    }
}
