using Microsoft.Win32.SafeHandles;
using Sluice.Formats.Oci;
using Sluice.Storage.Cache;
using Sluice.Storage.Disks;
using Sluice.Storage.Tests.Fetching;
using Sluice.Testing;

namespace Sluice.Storage.Tests.Cache;

public sealed class EvictionTests : IDisposable
{
    private const int Chunk = 4096;

    private readonly string _root = LoopFileSystem.Memory();

    public void Dispose() => Directory.Delete(_root, recursive: true);

    [Theory]
    [InlineData("zipf")]
    [InlineData("zipf and scans")]
    [InlineData("moving favourites")]
    [InlineData("starts of containers")]
    public async Task HitsAreThoseOfLruOrMore(string kind)
    {
        const int chunks = 3000, quota = 800;
        int[] trace = AccessTraces.Make(kind, chunks, 16_000);
        using Rig rig = new(SyntheticBlob.Create(1, chunks), cacheOptions: Limited(quota * Chunk), root: _root);
        foreach (int chunk in trace)
        {
            await rig.AssertReadAsync(chunk * Chunk, Chunk);
            await Eventually.TrueAsync(() => !rig.Directory.IsEvicting); // or the speed of the machine would decide
        }

        double ratio = (double)rig.Fetcher.Counters.Hits / LruOracle.CountHits(trace, quota);
        TestContext.Current.TestOutputHelper?.WriteLine($"{kind}: {rig.Fetcher.Counters.Hits} hits, {ratio:0.000} of LRU");
        Assert.True(ratio >= 0.95, $"{ratio:0.000} of the hits of LRU");
    }

    [Fact]
    public async Task AnotherQuotaHoldsAtOnce()
    {
        const int chunks = 400;
        ManualTime time = new();
        using Rig rig = new(SyntheticBlob.Create(1, chunks), Rig.NoExtras with { Time = time }, root: _root);
        await rig.AssertReadAsync(0, chunks * Chunk);
        Assert.True(rig.Directory.Counters.UsedBytes >= chunks * Chunk);
        rig.Directory.Apply(Limited(100 * Chunk));
        while (rig.Directory.Counters.UsedBytes > 100 * Chunk) await Task.Delay(10, TestContext.Current.CancellationToken);
        await rig.AssertReadAsync(0, chunks * Chunk);
        Assert.InRange(rig.Directory.Counters.UsedBytes, 0, 100 * Chunk);
        rig.Directory.Apply(new CacheOptions());
        time.Advance(TimeSpan.FromSeconds(2)); // what found no room is kept in memory so long
        await rig.AssertReadAsync(0, chunks * Chunk);
        await rig.AssertReadAsync(0, chunks * Chunk);
        Assert.True(rig.Directory.Counters.UsedBytes >= chunks * Chunk);
    }

    [Fact]
    public async Task ReadersNeverSeeTheHoles()
    {
        SyntheticBlob blob = SyntheticBlob.Create(1, 200, 6000, maxMembers: 3, vary: true);
        using Rig rig = new(blob, root: _root);
        using CancellationTokenSource done = new();
        Task evicting = Task.Run(() =>
        {
            Random random = new(9);
            while (!done.IsCancellationRequested) rig.Directory.Evict(random.NextInt64(rig.Directory.Counters.UsedBytes + 1));
        });
        await Task.WhenAll(Enumerable.Range(0, 4).Select(reader => Task.Run(async () =>
        {
            Random random = new(reader);
            byte[] buffer = new byte[16384];
            for (int read = 0; read < 6000; read++)
            {
                int length = random.Next(1, buffer.Length);
                int offset = random.Next(blob.Content.Length - length);
                if (rig.Disk.TryRead(offset, buffer.AsSpan(0, length))) Assert.True(blob.Content.AsSpan(offset, length).SequenceEqual(buffer.AsSpan(0, length)), "wrong bytes");
                else await rig.AssertReadAsync(offset, length);
            }
        })));
        await done.CancelAsync();
        await evicting;
        Assert.NotEqual(0, rig.Directory.Counters.EvictedBytes);
        Assert.Equal(0, rig.Fetcher.Counters.Corruptions);
        Assert.Empty(rig.Log);
    }

    [Fact]
    public async Task WhatTheKernelReadsByItselfStaysWhole()
    {
        SyntheticBlob blob = SyntheticBlob.Create(1, 64);
        using Rig rig = new(blob, root: _root);
        await rig.AssertReadAsync(0, blob.Content.Length);
        using SafeFileHandle kernel = File.OpenHandle($"/proc/self/fd/{rig.Disk.CompleteFile!.DangerousGetHandle()}");
        Assert.Equal(0, rig.Directory.Evict(0));
        Assert.Equal(64 * Chunk, rig.Directory.Counters.HeldBytes);
        AssertWhole();

        rig.Disk.Dispose(); // a container may stay on the mount
        using (FilesystemDisk again = rig.Open(blob)) Assert.Equal(0, rig.Directory.Evict(0));
        AssertWhole();
        Assert.NotEqual(0, rig.Directory.Evict(0)); // whole, by its name
        Assert.False(Directory.Exists(rig.BlobDirectory));
        AssertWhole();

        void AssertWhole()
        {
            byte[] content = new byte[blob.Content.Length];
            Assert.Equal(content.Length, RandomAccess.Read(kernel, content, 0));
            Assert.True(content.AsSpan().SequenceEqual(blob.Content));
        }
    }

    [Fact]
    public async Task TheNextProcessDoesNotTouchWhatTheKernelStillHas()
    {
        SyntheticBlob blob = SyntheticBlob.Create(1, 64);
        using (Rig rig = new(blob, root: _root))
        {
            await rig.AssertReadAsync(0, blob.Content.Length);
            Assert.NotNull(rig.Disk.CompleteFile);
        }

        File.Delete(Path.Combine(_root, "sha256", blob.Blob.Hex, "map")); // what a kill in the last seconds would have lost
        using Rig next = new(blob, root: _root);
        Assert.Equal(blob.Content, await File.ReadAllBytesAsync(Path.Combine(next.BlobDirectory, "data")));
        Assert.Equal(0, next.Directory.Evict(0));
    }

    [Fact]
    public async Task HalfOfTheLimitIsKeptForWhatCanBeEvicted()
    {
        SyntheticBlob blob = SyntheticBlob.Create(1, 64);
        using Rig rig = new(blob, cacheOptions: Limited(100 * Chunk), root: _root);
        await rig.AssertReadAsync(0, blob.Content.Length);
        Assert.Equal(64, rig.Disk.Reader.Cache.VerifiedChunks);
        Assert.Null(rig.Disk.CompleteFile);
        Assert.NotEqual(0, rig.Directory.Evict(0));
    }

    [Fact]
    public async Task PinnedBlobsStay()
    {
        SyntheticBlob pinned = SyntheticBlob.Create(1, 64), other = SyntheticBlob.Create(2, 64);
        using Rig rig = new(pinned, root: _root);
        using FilesystemDisk disk = rig.Open(other, new ScriptedSource(other.Stored));
        await rig.AssertReadAsync(0, pinned.Content.Length);
        await Rig.AssertReadAsync(disk, other, 0, other.Content.Length);
        rig.Directory.Pinned = new HashSet<Digest> { pinned.Blob };
        rig.Directory.Evict(0);
        Assert.Equal(64, rig.Disk.Reader.Cache.PresentChunks);
        Assert.Equal(0, disk.Reader.Cache.PresentChunks);
        rig.Disk.Dispose();
        rig.Directory.Evict(0);
        Assert.True(Directory.Exists(rig.BlobDirectory));
    }

    /// <summary>A machine may stop after the map was written and before the hole was made, and a disk that lies about syncs may do it the other way round.</summary>
    [Theory]
    [InlineData("data")]
    [InlineData("map")]
    public async Task ACrashInTheMiddleOfAnEvictionCostsNothingButFetches(string behind)
    {
        SyntheticBlob blob = SyntheticBlob.Create(1, 600);
        using (Rig rig = new(blob, root: _root))
        {
            await rig.AssertReadAsync(0, blob.Content.Length);
            rig.Directory.Flush();
            string path = Path.Combine(rig.BlobDirectory, behind);
            byte[] before = await File.ReadAllBytesAsync(path);
            rig.Directory.Evict(300 * Chunk);
            rig.Dispose();
            await File.WriteAllBytesAsync(path, before);
        }

        using Rig next = new(blob, root: _root);
        long used = next.Directory.Counters.UsedBytes;
        Assert.InRange(used, Directory.EnumerateFiles(next.BlobDirectory).Sum(SparseFile.AllocatedBytes) - 65536, long.MaxValue); // strays were given back or are charged
        await next.AssertReadAsync(0, blob.Content.Length);
        Assert.Equal(behind == "map", next.Fetcher.Counters.Corruptions != 0);
    }

    /// <summary>Reads, evictions, processes that end or are killed, in an order that the seed decides; the model is the content.</summary>
    [Fact]
    public async Task WhateverHappensTheBytesAreRight()
    {
        SyntheticBlob[] blobs = [.. Enumerable.Range(1, 2).Select(seed => SyntheticBlob.Create(seed, 90, 9000, maxMembers: 3, vary: true))];
        for (int seed = 0; seed < 6; seed++)
        {
            Random random = new(seed);
            string root = Path.Combine(_root, $"run{seed}"), killed = Path.Combine(_root, $"killed{seed}");
            CacheOptions limited = Limited(random.Next(20, 200) * 4096L);
            for (int life = 0; life < 5; life++)
            {
                using (Rig rig = new(blobs[0], cacheOptions: limited, root: root))
                {
                    using FilesystemDisk second = rig.Open(blobs[1], new ScriptedSource(blobs[1].Stored));
                    for (int step = random.Next(200); step > 0; step--)
                    {
                        int blob = random.Next(2), length = random.Next(1, 20_000);
                        int action = random.Next(20);
                        if (action == 0) rig.Directory.Evict(random.NextInt64(rig.Directory.Counters.UsedBytes + 1));
                        else if (action == 1) rig.Directory.Flush();
                        else await Rig.AssertReadAsync(blob == 0 ? rig.Disk : second, blobs[blob], random.Next(blobs[blob].Content.Length - length), length);
                        Assert.InRange(rig.Directory.Counters.UsedBytes, 0, Math.Max(rig.Directory.Counters.LimitBytes, 65536));
                    }

                    if (random.Next(2) == 0) continue;
                    LoopFileSystem.Run($"cp -a {root} {killed}"); // as a kill now would leave it
                }

                Directory.Delete(root, recursive: true);
                Directory.Move(killed, root);
            }
        }
    }

    private static CacheOptions Limited(long bytes) => new() { Quota = DiskShare.OfBytes(bytes) };
}
