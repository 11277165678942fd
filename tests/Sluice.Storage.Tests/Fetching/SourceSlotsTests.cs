using Sluice.Storage.Disks;
using Sluice.Storage.Fetching;
using Sluice.Storage.Sources.Places;
using Sluice.Testing;

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

    [Fact]
    public async Task TwoRegistriesThatHangLeaveSlotsToAThird()
    {
        SyntheticBlob[] blobs = [.. Enumerable.Range(24, 3).Select(seed => SyntheticBlob.Create(seed, 200))];
        ManualTime time = new();
        Gate gate = new();
        ScriptedSource Hung(int index) => new(blobs[index].Stored, $"hung {index}") { Script = (_, _, cancellation) => gate.PassAsync(cancellation) };
        Gate working = new();
        ScriptedSource healthy = new(blobs[2].Stored, "healthy") { Script = (_, _, cancellation) => working.PassAsync(cancellation) };
        using Rig rig = new(blobs[0], Rig.NoExtras with { Time = time }, sources: Hung(0));
        using FilesystemDisk second = rig.Open(blobs[1], Hung(1));
        using FilesystemDisk third = rig.Open(blobs[2], healthy);
        List<Task> waiting = [];
        for (int chunk = 0; chunk < 200; chunk += 2)
        {
            waiting.Add(rig.AssertReadAsync(chunk * 4096, 4096));
            waiting.Add(Rig.AssertReadAsync(second, blobs[1], chunk * 4096, 4096));
        }

        await gate.ArrivedAsync(16);
        List<Task> reads = [];
        for (int chunk = 0; chunk < 200; chunk += 2) reads.Add(Rig.AssertReadAsync(third, blobs[2], chunk * 4096, 4096));
        await working.ArrivedAsync(2); // at once, though all sixteen are taken
        Assert.Equal(18, rig.Fetcher.GetActivity().Running);
        time.Advance(TimeSpan.FromSeconds(2)); // by now it is clear that the others use nothing
        await working.ArrivedAsync(6);
        Assert.Equal(24, rig.Fetcher.GetActivity().Running);
        working.Open();
        await Task.WhenAll(reads).WaitAsync(TimeSpan.FromSeconds(30));
        gate.Open();
        await Task.WhenAll(waiting);
    }

    [Fact]
    public async Task TheMemoryThatHungRegistriesHoldIsNotMissingToOthers()
    {
        SyntheticBlob[] blobs = [.. Enumerable.Range(27, 2).Select(seed => SyntheticBlob.Create(seed, 16, 65536))];
        ManualTime time = new();
        Gate gate = new();
        ScriptedSource hung = new(blobs[0].Stored, "hung") { Script = (_, _, cancellation) => gate.PassAsync(cancellation) };
        using Rig rig = new(blobs[0], Rig.NoExtras with { Time = time, MemoryInFlight = 4 * 65536, MaxFetch = 65536 }, sources: hung);
        using FilesystemDisk healthy = rig.Open(blobs[1], new ScriptedSource(blobs[1].Stored, "healthy"));
        Task waiting = rig.AssertReadAsync(0, 16 * 65536);
        await gate.ArrivedAsync(2);
        Task read = Rig.AssertReadAsync(healthy, blobs[1], 0, 4096);
        Assert.Equal(2, rig.Fetcher.GetActivity().Running); // the memory is used up
        time.Advance(TimeSpan.FromSeconds(2));
        await read;
        gate.Open();
        await waiting;
    }

    [Fact]
    public async Task AnImageWithMuchToFetchLetsAnotherInBetween()
    {
        SyntheticBlob[] blobs = [.. Enumerable.Range(29, 2).Select(seed => SyntheticBlob.Create(seed, 200))];
        List<int> order = [];
        ScriptedSource Registry(int index) => new(blobs[index].Stored, "registry")
        {
            Script = (_, _, _) =>
            {
                lock (order) order.Add(index);
                return Task.CompletedTask;
            },
        };
        Gate gate = new();
        ScriptedSource first = new(blobs[0].Stored, "registry") { Script = (_, _, cancellation) => gate.PassAsync(cancellation) };
        using Rig rig = new(blobs[0], Rig.NoExtras with { ConcurrencyPerSource = 1 }, sources: first);
        using FilesystemDisk large = rig.Open(blobs[0], Registry(0));
        using FilesystemDisk small = rig.Open(blobs[1], Registry(1));
        List<Task> reads = [rig.AssertReadAsync(0, 4096)]; // takes the one slot
        await gate.ArrivedAsync(1);
        for (int chunk = 2; chunk < 200; chunk += 2) reads.Add(Rig.AssertReadAsync(large, blobs[0], chunk * 4096, 4096));
        for (int chunk = 0; chunk < 6; chunk += 2) reads.Add(Rig.AssertReadAsync(small, blobs[1], chunk * 4096, 4096));
        gate.Open();
        await Task.WhenAll(reads);
        Assert.Equal([0, 1, 0, 1, 0, 1], order.Take(6));
    }

    [Fact]
    public async Task DemandGoesBeforePrefetchWhenRequestsAreCounted()
    {
        SyntheticBlob blob = SyntheticBlob.Create(33, 200);
        ManualTime time = new();
        SourcePlace place = new("registry", new PlaceOptions { Time = time, RequestsPerSecond = 1 });
        ScriptedSource source = new(blob.Stored, "registry") { Place = place };
        using Rig rig = new(blob, Rig.NoExtras with { Time = time, MaxFetch = 4096 }, sources: source);
        using BlobReader reader = new(blob, rig.Directory, rig.Fetcher, [source]);
        Task prefetch = reader.PrefetchAsync(0, 4 * 4096, FetchPriority.Prefetch, CancellationToken.None);
        await Eventually.TrueAsync(() => source.Requests.Count == 1 && rig.Fetcher.GetActivity().Running == 0);
        Task read = rig.AssertReadAsync(100 * 4096, 4096);
        Assert.Single(source.Requests);
        time.Advance(TimeSpan.FromSeconds(1));
        await read;
        Assert.Equal([0L, 100 * 4096], source.Requests.Select(request => request.Offset));
        while (!prefetch.IsCompleted)
        {
            time.Advance(TimeSpan.FromSeconds(1));
            await Task.Yield();
        }

        await prefetch;
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
