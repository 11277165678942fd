using Sluice.Formats.Oci;
using Sluice.Storage.Cache;
using Sluice.Storage.Disks;
using Sluice.Storage.Sources;
using Sluice.Storage.Tests.Disks;
using Sluice.Storage.Tests.Fetching;

namespace Sluice.Storage.Tests.Cache;

/// <summary>Whatever is stored, by however many threads, the disk never has more of the cache than its quota and one chunk. The judge is the file system's own count.</summary>
public sealed class QuotaTests : IDisposable
{
    private const int Chunk = 65536;
    private const int Quota = 3 << 20;

    /// <summary>The cache's own directories and its lock: not counted by it.</summary>
    private const int Fixed = 16384;

    // With a journal freed blocks count until it is committed, and with delayed allocation those that are being allocated count twice.
    private readonly LoopFileSystem _disk = new("ext4", "64M", "-b 4096 -O ^has_journal -E lazy_itable_init=0 -m 0", mountOptions: "loop,nodelalloc");
    private readonly SyntheticBlob[] _blobs;
    private readonly (MemoryStore Store, Digest Digest, byte[] Content)[] _wholes;
    private readonly long _before;
    private long _most;

    public QuotaTests()
    {
        SyntheticBlob first = SyntheticBlob.Create(1, 60, Chunk);
        _blobs = [first, SyntheticBlob.Create(2, 60, Chunk, like: first), SyntheticBlob.Create(3, 400, 9000, maxMembers: 3, vary: true), SyntheticBlob.Create(4, 90, Chunk, vary: true)];
        _wholes = [.. new[] { 300_000, 900_000, 1_500_000, 5_000_000 }.Select(MakeWhole)];
        _before = Used;
    }

    private string Root => Path.Combine(_disk.Path, "cache");

    private long Used => new DriveInfo(_disk.Path) is var drive ? drive.TotalSize - drive.TotalFreeSpace : 0;

    public void Dispose() => _disk.Dispose();

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public async Task TheDiskNeverHasMoreThanTheQuotaAndOneChunk(int seed)
    {
        for (int life = 0; life < 2; life++)
        {
            CacheOptions options = new() { Quota = DiskShare.OfBytes(Quota), FlushInterval = TimeSpan.FromMilliseconds(50), WriteRetryDelay = TimeSpan.FromMilliseconds(10) };
            using Rig rig = new(_blobs[0], cacheOptions: options, root: Root);
            await Task.WhenAll(Enumerable.Range(0, 8).Select(worker => Task.Run(() => HammerAsync(rig, new Random((seed * 100) + (life * 10) + worker)))));
            AssertWithin(rig);
            long blocks = Directory.EnumerateFileSystemEntries(Root, "*", SearchOption.AllDirectories).Sum(SparseFile.AllocatedBytes);
            Assert.InRange(blocks, 0, Quota + Chunk + Fixed);
            TestContext.Current.TestOutputHelper?.WriteLine($"quota {Quota} bytes: at most {Interlocked.Read(ref _most)} used, {Chunk + Fixed} above it allowed; {rig.Directory.Counters.EvictedBytes} evicted");
            Assert.True(rig.Directory.Counters.EvictedBytes > Quota, rig.Directory.Counters.ToString());
        }
    }

    private async Task HammerAsync(Rig rig, Random random)
    {
        for (int step = 0; step < 80; step++)
        {
            switch (random.Next(12))
            {
                case 0:
                    rig.Directory.Evict(random.NextInt64(Quota));
                    break;
                case 1:
                    rig.Directory.Flush();
                    break;
                case 2:
                    rig.Directory.RemoveUnused(new HashSet<Digest>());
                    break;
                case 3 or 4:
                    (MemoryStore store, Digest digest, byte[] content) = _wholes[random.Next(_wholes.Length)];
                    byte[] part = new byte[random.Next(1, 10_000)];
                    int at = random.Next(content.Length - part.Length);
                    await using (WholeBlobSource source = new(rig.Directory, store, digest, content.Length)) await source.ReadAsync(digest, at, part, CancellationToken.None);
                    Assert.True(content.AsSpan(at, part.Length).SequenceEqual(part));
                    break;
                default:
                    SyntheticBlob blob = _blobs[random.Next(_blobs.Length)];
                    using (FilesystemDisk disk = rig.Open(blob, new ScriptedSource(blob.Stored)))
                    {
                        for (int read = random.Next(30); read > 0; read--)
                        {
                            int length = random.Next(1, 100_000);
                            await Rig.AssertReadAsync(disk, blob, random.Next(blob.Content.Length - length), length);
                            AssertWithin(rig);
                        }

                        if (random.Next(4) == 0) _ = disk.CompleteFile;
                    }

                    break;
            }

            AssertWithin(rig);
        }
    }

    private void AssertWithin(Rig rig)
    {
        long used = Measure();
        Assert.True(used <= Quota + Chunk + Fixed, $"{used} bytes of the disk, {used - Quota} above the quota; {rig.Directory.Counters}");
    }

    /// <summary>The least of some looks: the kernel sums counters of all processors while these change.</summary>
    private long Measure()
    {
        long used = Enumerable.Range(0, 5).Min(_ => Used) - _before;
        for (long most = Interlocked.Read(ref _most); used > most; most = Interlocked.Read(ref _most)) Interlocked.CompareExchange(ref _most, used, most);
        return used;
    }

    private (MemoryStore Store, Digest Digest, byte[] Content) MakeWhole(int size)
    {
        byte[] content = new byte[size];
        new Random(size).NextBytes(content);
        Digest digest = Digest.Sha256(content);
        MemoryStore store = new();
        IBlobUpload upload = store.StartUploadAsync(default).Result;
        upload.WriteAsync(content, default).AsTask().Wait();
        upload.CommitAsync(digest, default).Wait();
        store.OnOpen = _ =>
        {
            Assert.InRange(Measure(), 0, Quota + Chunk + Fixed);
            return Task.CompletedTask;
        };
        return (store, digest, content);
    }
}
