using Sluice.Storage.Tests.Fetching;

namespace Sluice.Storage.Tests.Cache;

/// <summary>Cache files that are cut while they are in use.</summary>
public sealed class TruncationTests
{
    [Theory]
    [InlineData(0)]
    [InlineData(10 * 4096)]
    [InlineData((10 * 4096) + 100)]
    public async Task AReadBehindTheCutFetchesAgain(long length)
    {
        using Rig rig = new(SyntheticBlob.Create(1, 64));
        await rig.AssertReadAsync(0, 64 * 4096);
        Cut(rig, length);
        Assert.False(rig.Disk.TryRead(20 * 4096, new byte[4096]));
        await rig.AssertReadAsync(0, 64 * 4096);
        Assert.Equal(2, rig.Source.Requests.Count);
    }

    [Fact]
    public async Task AStoreDoesNotTurnTheCutIntoZeros()
    {
        using Rig rig = new(SyntheticBlob.Create(2, 64));
        await rig.AssertReadAsync(0, 63 * 4096);
        Cut(rig, 4096);
        await rig.AssertReadAsync(63 * 4096, 4096); // makes the file as long as it was
        await rig.AssertReadAsync(0, 64 * 4096);
        Assert.Equal(3, rig.Source.Requests.Count);
    }

    [Fact]
    public async Task ACutUnderConcurrentReadersNeverGivesWrongBytes()
    {
        using Rig rig = new(SyntheticBlob.Create(3, 64));
        Random random = new(9);
        for (int round = 0; round < 50; round++)
        {
            await rig.AssertReadAsync(0, 64 * 4096);
            long length = random.Next(64 * 4096);
            Task[] readers = [.. Enumerable.Range(0, 3).Select(reader => Task.Run(async () =>
            {
                for (int index = 0; index < 40; index++) await rig.AssertReadAsync(((index * 7) + reader) % 60 * 4096, 4 * 4096);
            }))];
            Cut(rig, length);
            await Task.WhenAll(readers);
        }
    }

    private static void Cut(Rig rig, long length)
    {
        using FileStream file = new(Path.Combine(rig.BlobDirectory, "data"), FileMode.Open, FileAccess.Write, FileShare.ReadWrite);
        if (length < file.Length) file.SetLength(length);
    }
}
