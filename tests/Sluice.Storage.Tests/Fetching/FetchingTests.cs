using Sluice.Formats;
using Sluice.Storage.Disks;
using Sluice.Storage.Fetching;

namespace Sluice.Storage.Tests.Fetching;

public sealed class FetchingTests
{
    [Fact]
    public async Task EveryByteIsRightWhateverTheLayout()
    {
        for (int seed = 0; seed < 6; seed++)
        {
            SyntheticBlob blob = SyntheticBlob.Create(seed, 60, 20_000, maxMembers: 1 + (seed % 4), vary: true, maxGap: seed % 2 * 3000);
            using Rig rig = new(blob, new FetchOptions());
            Assert.Equal(blob.Content.Length, rig.Disk.Length);
            Assert.Null(rig.Disk.CompleteFile);
            for (int offset = 0; offset < blob.Content.Length; offset += 7 * 4096)
                await rig.AssertReadAsync(offset, Math.Min(8192, blob.Content.Length - offset));
            await rig.AssertReadAsync(0, blob.Content.Length);
            byte[] file = new byte[blob.Content.Length + 1];
            Assert.Equal(blob.Content.Length, RandomAccess.Read(rig.Disk.CompleteFile!, file, 0));
            Assert.True(blob.Content.AsSpan().SequenceEqual(file.AsSpan(0, blob.Content.Length)));
        }
    }

    [Fact]
    public async Task ReadsOutsideOfTheDiskAreInvalid()
    {
        using Rig rig = new(SyntheticBlob.Create(1, 4));
        Assert.Equal(DiskError.Invalid, await rig.Disk.ReadAsync(rig.Disk.Length - 4096, new byte[8192]));
        Assert.Equal(DiskError.Invalid, await rig.Disk.ReadAsync(-1, new byte[1]));
        Assert.Equal(DiskError.Invalid, await rig.Disk.ReadAsync(long.MaxValue, new byte[4096]));
        Assert.False(rig.Disk.TryRead(rig.Disk.Length, new byte[1]));
        Assert.Empty(rig.Source.Requests);
    }

    [Fact]
    public async Task ConcurrentMissesOfOneChunkMakeOneFetch()
    {
        using Rig rig = new(SyntheticBlob.Create(2, 4, 65536));
        Gate gate = new();
        rig.Source.Script = (_, _, cancellation) => gate.PassAsync(cancellation);
        Task[] reads = [.. Enumerable.Range(0, 16).Select(index => rig.AssertReadAsync(65536 + (index * 4096), 4096))];
        await gate.ArrivedAsync(1);
        Assert.Equal(15, rig.Fetcher.Counters.Joined);
        gate.Open();
        await Task.WhenAll(reads);
        Assert.Equal([(65536L, 65536)], rig.Source.Requests);
    }

    [Fact]
    public async Task ALargeDemandReadIsDecodedByMoreThanOneThread()
    {
        SyntheticBlob blob = SyntheticBlob.Create(27, 8, 65536);
        using ManualResetEventSlim two = new();
        int begun = 0;
        blob.Decoding = _ =>
        {
            if (Interlocked.Increment(ref begun) == 2) two.Set();
            Assert.True(two.Wait(TimeSpan.FromSeconds(50)), "no unit is decoded while another one is");
        };
        using Rig rig = new(blob, Rig.NoExtras with { ParallelDecode = 8 * 65536 });
        await rig.AssertReadAsync(0, 8 * 65536);
        Assert.Equal([(0L, 8 * 65536)], rig.Source.Requests);
    }

    [Fact]
    public async Task WrongUnitsOfALargeReadAreAskedForAgain()
    {
        SyntheticBlob blob = SyntheticBlob.Create(28, 16, 65536);
        byte[] wrong = (byte[])blob.Stored.Clone();
        wrong[(3 * 65536) + 5] ^= 1;
        wrong[(12 * 65536) + 7] ^= 1;
        using Rig rig = new(blob, Rig.NoExtras with { ParallelDecode = 0 }, null, null, new ScriptedSource(wrong), new ScriptedSource(blob.Stored));
        await rig.AssertReadAsync(0, 16 * 65536);
        Assert.Equal(2, rig.Fetcher.Counters.WrongBytes);
        Assert.Equal([(3L * 65536, 10 * 65536)], rig.Sources[1].Requests);
    }

    [Fact]
    public async Task OneReadOverNeighboursIsOneRequest()
    {
        using Rig rig = new(SyntheticBlob.Create(3, 64));
        await rig.AssertReadAsync(0, 64 * 4096);
        Assert.Equal([(0L, 64 * 4096)], rig.Source.Requests);
    }

    [Fact]
    public async Task RequestsAreNoLargerThanAllowed()
    {
        using Rig rig = new(SyntheticBlob.Create(3, 64), Rig.NoExtras with { MaxFetch = 16 * 4096 });
        await rig.AssertReadAsync(0, 64 * 4096);
        Assert.Equal(4, rig.Source.Requests.Count);
        Assert.All(rig.Source.Requests, request => Assert.Equal(16 * 4096, request.Length));
    }

    [Fact]
    public async Task MissesThatWaitForASlotMerge()
    {
        using Rig rig = new(SyntheticBlob.Create(4, 64), Rig.NoExtras with { ConcurrencyPerSource = 1 });
        Gate gate = new();
        rig.Source.Script = (_, _, cancellation) => gate.PassAsync(cancellation);
        Task first = rig.AssertReadAsync(60 * 4096, 4096);
        await gate.ArrivedAsync(1);
        Task[] others = [.. Enumerable.Range(0, 8).Select(index => rig.AssertReadAsync(index * 4096, 4096))];
        Assert.Equal(7, rig.Fetcher.Counters.Merged);
        Assert.Equal(1, rig.Fetcher.GetActivity().QueuedDemand);
        gate.Open();
        await Task.WhenAll([first, .. others]);
        Assert.Equal([(60 * 4096L, 4096), (0L, 8 * 4096)], rig.Source.Requests);
    }

    [Fact]
    public async Task SmallGapsAreReadAlongLargeOnesAreNot()
    {
        using Rig rig = new(SyntheticBlob.Create(5, 64), Rig.NoExtras with { MergeGap = 4096 });
        await rig.AssertReadAsync(1 * 4096, 4096);
        await rig.AssertReadAsync(4 * 4096, 4096);
        await rig.AssertReadAsync(5 * 4096, 4096);
        await rig.AssertReadAsync(0, 8 * 4096);
        Assert.Equal([(0L, 4 * 4096), (6 * 4096L, 2 * 4096)], rig.Source.Requests.Skip(3).OrderBy(request => request.Offset));
    }

    [Fact]
    public async Task SmallMissesTakeNeighboursAlong()
    {
        using Rig rig = new(SyntheticBlob.Create(6, 64), Rig.NoExtras with { Amplification = 8 * 4096 });
        await rig.AssertReadAsync(4096, 4096);
        Assert.Equal([(4096L, 8 * 4096)], rig.Source.Requests);
        Assert.True(rig.Disk.TryRead(4096, new byte[8 * 4096]));
        Assert.False(rig.Disk.TryRead(9 * 4096, new byte[4096]));
    }

    [Fact]
    public async Task ASequentialReaderFindsItsBytesThere()
    {
        using Rig rig = new(SyntheticBlob.Create(7, 256), Rig.NoExtras with { ReadAheadAfter = 0, FirstReadAhead = 16 * 4096, MaxReadAhead = 64 * 4096 });
        for (int chunk = 0; chunk < 256; chunk++)
        {
            // Read-ahead has as long as it needs: only that it comes without a miss matters here.
            if (chunk > 1) await Eventually.TrueAsync(() => rig.Disk.TryRead(chunk * 4096, new byte[4096]));
            await rig.AssertReadAsync(chunk * 4096, 4096);
        }

        Assert.Equal(2, rig.Fetcher.Counters.Misses);
        Assert.True(rig.Source.Requests.Count < 10);
    }

    [Fact]
    public async Task RandomReadersAreNotReadAheadFor()
    {
        using Rig rig = new(SyntheticBlob.Create(8, 256, 65536), new FetchOptions { Amplification = 0, ReadAheadAfter = 0, FirstReadAhead = 65536 });
        foreach (int chunk in new[] { 200, 10, 100, 50, 150 }) await rig.AssertReadAsync(chunk * 65536, 4096);
        Assert.Equal(5, rig.Source.Requests.Count);
    }

    [Fact]
    public async Task WhoeverBeginsToWaitForWhatCameWaitsForNobodyElsesTurn()
    {
        using Rig rig = new(SyntheticBlob.Create(9, 64));
        await using BusyThreads busy = new(rig.Fetcher.Patient);
        Task prefetch = rig.Disk.Reader.PrefetchAsync(20 * 4096, 4096, FetchPriority.Prefetch, CancellationToken.None);
        await Eventually.TrueAsync(() => rig.Fetcher.Patient.Queued == 1);
        await rig.AssertReadAsync(20 * 4096, 4096).WaitAsync(TimeSpan.FromSeconds(30), TestContext.Current.CancellationToken);
        await prefetch;
        Assert.Single(rig.Source.Requests);
    }

    [Fact]
    public async Task SoDoesWhoeverWaitsForACopyOfIt()
    {
        SyntheticBlob first = SyntheticBlob.Create(10, 64), second = SyntheticBlob.Create(11, 64, like: first);
        using Rig rig = new(first);
        ScriptedSource source = new(second.Stored);
        using FilesystemDisk other = rig.Open(second, source);
        await using BusyThreads busy = new(rig.Fetcher.Patient);
        Task prefetch = rig.Disk.Reader.PrefetchAsync(63 * 4096, 4096, FetchPriority.Prefetch, CancellationToken.None);
        await Eventually.TrueAsync(() => rig.Fetcher.Patient.Queued == 1);
        Task copy = other.Reader.PrefetchAsync(0, 4096, FetchPriority.Prefetch, CancellationToken.None);
        Assert.False(copy.IsCompleted);
        await Rig.AssertReadAsync(other, second, 0, 4096).WaitAsync(TimeSpan.FromSeconds(30), TestContext.Current.CancellationToken);
        await Task.WhenAll(prefetch, copy);
        Assert.Empty(source.Requests);
    }

    [Fact]
    public async Task DemandOvertakesPrefetchAndBackground()
    {
        using Rig rig = new(SyntheticBlob.Create(9, 64), Rig.NoExtras with { ConcurrencyPerSource = 1 });
        Gate gate = new();
        rig.Source.Script = (_, _, cancellation) => gate.PassAsync(cancellation);
        Task first = rig.AssertReadAsync(0, 4096);
        await gate.ArrivedAsync(1);
        Task background = rig.Disk.Reader.PrefetchAsync(10 * 4096, 4096, FetchPriority.Background, CancellationToken.None);
        Task prefetch = rig.Disk.Reader.PrefetchAsync(20 * 4096, 4096, FetchPriority.Prefetch, CancellationToken.None);
        Task demand = rig.AssertReadAsync(30 * 4096, 4096);
        Task promoted = rig.Disk.Reader.PrefetchAsync(40 * 4096, 4096, FetchPriority.Background, CancellationToken.None);
        Task promoting = rig.AssertReadAsync(40 * 4096, 4096);
        gate.Open();
        await Task.WhenAll(first, background, prefetch, demand, promoted, promoting);
        Assert.Equal([0L, 30, 40, 20, 10], rig.Source.Requests.Select(request => request.Offset / 4096));
    }

    [Fact]
    public async Task ConcurrencyIsBounded()
    {
        using Rig rig = new(SyntheticBlob.Create(10, 64, 65536), Rig.NoExtras with { ConcurrencyPerSource = 3, MaxFetch = 65536 });
        Gate gate = new();
        rig.Source.Script = (_, _, cancellation) => gate.PassAsync(cancellation);
        Task read = rig.AssertReadAsync(0, 64 * 65536);
        await gate.ArrivedAsync(3);
        Assert.Equal(3, rig.Fetcher.GetActivity().Running);
        gate.Open();
        await read;
        Assert.Equal(3, rig.Source.MostRunning);
        Assert.Equal(64, rig.Source.Requests.Count);
    }

    [Fact]
    public async Task MemoryInFlightIsBounded()
    {
        using Rig rig = new(SyntheticBlob.Create(11, 32, 65536), Rig.NoExtras with { MemoryInFlight = 5 * 65536, MaxFetch = 65536 });
        Gate gate = new();
        rig.Source.Script = (_, _, cancellation) => gate.PassAsync(cancellation);
        Task read = rig.AssertReadAsync(0, 32 * 65536);
        await gate.ArrivedAsync(2);
        ActivitySnapshot activity = rig.Fetcher.GetActivity();
        Assert.Equal((2, 4L * 65536), (activity.Running, activity.BytesInFlight));
        gate.Open();
        await read;
        await Eventually.TrueAsync(() => rig.Fetcher.GetActivity().BytesInFlight == 0);
    }

    [Fact]
    public async Task AUnitLargerThanTheMemoryBoundIsStillFetched()
    {
        using Rig rig = new(SyntheticBlob.Create(12, 3, 65536), Rig.NoExtras with { MemoryInFlight = 4096 });
        await rig.AssertReadAsync(0, 3 * 65536);
    }

    [Fact]
    public async Task AnImageThatKnowsOnlySomeChunksReadsZerosElsewhere()
    {
        SyntheticBlob blob = SyntheticBlob.Create(13, 12, 4096, maxMembers: 3);
        using Rig rig = new(blob);
        using FilesystemDisk some = rig.Open(blob.Only(2, 3, 8));
        byte[] buffer = new byte[blob.Content.Length];
        Assert.Equal(DiskError.None, await some.ReadAsync(0, buffer));
        byte[] expected = new byte[buffer.Length];
        foreach (int chunk in new[] { 2, 3, 8 }) blob.Content.AsSpan(chunk * 4096, 4096).CopyTo(expected.AsSpan(chunk * 4096));
        Assert.True(expected.AsSpan().SequenceEqual(buffer));
        Assert.NotNull(some.CompleteFile);
        Assert.Null(rig.Disk.CompleteFile);
        await rig.AssertReadAsync(0, blob.Content.Length);
        Assert.Equal(DiskError.None, await some.ReadAsync(0, buffer));
        Assert.True(expected.AsSpan().SequenceEqual(buffer));
    }

    [Fact]
    public async Task ImagesShareWhatTheyHaveInCommon()
    {
        SyntheticBlob blob = SyntheticBlob.Create(14, 12);
        using Rig rig = new(blob);
        ScriptedSource refusing = new(blob.Stored) { Script = (_, _, _) => throw new SluiceException(SluiceError.Source, "other", "refused") };
        using FilesystemDisk other = rig.Open(blob.Only(1, 2, 3), refusing);
        await rig.AssertReadAsync(0, 4 * 4096);
        await Rig.AssertReadAsync(other, blob, 4096, 3 * 4096);
        Assert.Empty(refusing.Requests);
        Assert.Same(rig.Disk.Reader.Cache, other.Reader.Cache);
    }

    [Fact]
    public async Task AnImageWithForgedDigestsPoisonsNoOther()
    {
        SyntheticBlob blob = SyntheticBlob.Create(15, 12);
        SyntheticBlob forged = blob.Forged(16);
        using Rig rig = new(blob, sources: new ScriptedSource(blob.Stored));
        using FilesystemDisk bad = rig.Open(forged, new ScriptedSource(forged.Stored));
        await Rig.AssertReadAsync(bad, forged, 0, 12 * 4096);
        await rig.AssertReadAsync(0, 12 * 4096);
        await Rig.AssertReadAsync(bad, forged, 0, 12 * 4096);
        Assert.NotSame(rig.Disk.Reader.Cache, bad.Reader.Cache);
    }

    [Fact]
    public async Task HitsAllocateNothing()
    {
        using Rig rig = new(SyntheticBlob.Create(17, 64), new FetchOptions());
        await rig.AssertReadAsync(0, 64 * 4096);
        byte[] buffer = new byte[16384];
        Assert.True(rig.Disk.TryRead(0, buffer));
        long before = GC.GetAllocatedBytesForCurrentThread();
        bool all = true;
        for (int index = 0; index < 1000; index++) all &= rig.Disk.TryRead(index % 60 * 4096, buffer);
        Assert.Equal(before, GC.GetAllocatedBytesForCurrentThread());
        Assert.True(all);
    }

    [Fact]
    public async Task DisposingEndsWaitingReads()
    {
        Rig rig = new(SyntheticBlob.Create(18, 8));
        Gate gate = new();
        rig.Source.Script = (_, _, cancellation) => gate.PassAsync(cancellation);
        Task<DiskError> read = rig.Disk.ReadAsync(0, new byte[4096]).AsTask();
        await gate.ArrivedAsync(1);
        rig.Fetcher.Dispose();
        Assert.Equal(DiskError.InputOutput, await read);
        Assert.EndsWith("can't be fetched: scripted: given up on shutdown", Assert.Single(rig.Log), StringComparison.Ordinal);
        Assert.Equal(0, rig.Fetcher.Counters.SourceFailures);
        Assert.Equal(DiskError.InputOutput, await rig.Disk.ReadAsync(4096, new byte[4096]));
        rig.Dispose();
        Assert.Equal(DiskError.InputOutput, await rig.Disk.ReadAsync(4096, new byte[4096]));
    }

    /// <summary>All of them have something to do until this is disposed.</summary>
    private sealed class BusyThreads : IAsyncDisposable
    {
        private readonly ManualResetEventSlim _over = new();
        private readonly Task _all;

        public BusyThreads(PatientThreads threads)
        {
            _all = Task.WhenAll(Enumerable.Range(0, threads.MaximumConcurrencyLevel).Select(_ => threads.RunAsync(_over.Wait)));
            while (threads.Queued > 0) Thread.Yield();
        }

        public async ValueTask DisposeAsync()
        {
            _over.Set();
            await _all;
            _over.Dispose();
        }
    }
}
