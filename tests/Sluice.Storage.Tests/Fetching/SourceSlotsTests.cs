using Sluice.Storage.Disks;
using Sluice.Storage.Fetching;

namespace Sluice.Storage.Tests.Fetching;

public sealed class SourceSlotsTests
{
    [Fact]
    public async Task ARegistryThatHangsLeavesSlotsToOthers()
    {
        SyntheticBlob[] blobs = [.. Enumerable.Range(20, 3).Select(seed => SyntheticBlob.Create(seed, 200))];
        Gate gate = new();
        ScriptedSource Hung(SyntheticBlob blob) => new(blob.Stored, "hung") { Script = (_, _, cancellation) => gate.PassAsync(cancellation) };
        using Rig rig = new(blobs[0], sources: Hung(blobs[0]));
        using FilesystemDisk second = rig.Open(blobs[1], Hung(blobs[1]));
        using FilesystemDisk healthy = rig.Open(blobs[2], new ScriptedSource(blobs[2].Stored, "healthy"));
        List<Task> waiting = [];
        for (int chunk = 0; chunk < 200; chunk += 2) // not next to one another: nothing merges
        {
            waiting.Add(rig.AssertReadAsync(chunk * 4096, 4096));
            waiting.Add(Rig.AssertReadAsync(second, blobs[1], chunk * 4096, 4096));
        }

        await gate.ArrivedAsync(8);
        await Rig.AssertReadAsync(healthy, blobs[2], 0, 200 * 4096).WaitAsync(TimeSpan.FromSeconds(30));
        ActivitySnapshot activity = rig.Fetcher.GetActivity();
        Assert.Equal((8, 192), (activity.Running, activity.QueuedDemand));
        gate.Open();
        await Task.WhenAll(waiting);
    }

    [Theory]
    [InlineData(1, 1)]
    [InlineData(2, 1)]
    [InlineData(5, 3)]
    [InlineData(16, 8)]
    [InlineData(64, 8)]
    public async Task OneSourceHasNoMoreThanHalfOfTheSlots(int total, int most)
    {
        using Rig rig = new(SyntheticBlob.Create(23, 64), Rig.NoExtras with { TotalConcurrency = total, MaxFetch = 4096 });
        Gate gate = new();
        rig.Source.Script = (_, _, cancellation) => gate.PassAsync(cancellation);
        Task read = rig.AssertReadAsync(0, 64 * 4096);
        await gate.ArrivedAsync(most);
        Assert.Equal(most, rig.Fetcher.GetActivity().Running);
        gate.Open();
        await read;
        Assert.Equal(most, rig.Source.MostRunning);
    }
}
