using Sluice.Storage.Cache;
using Sluice.Storage.Tests.Fetching;
using Sluice.Testing;

namespace Sluice.Storage.Tests.Cache;

/// <summary>Real file systems that are full, read-only or broken: reads go on, and storing resumes by itself.</summary>
public sealed class BrokenDiskTests
{
    private readonly SyntheticBlob _blob = SyntheticBlob.Create(1, 256, 65536);
    private readonly ManualTime _time = new();

    [Fact]
    public async Task AFullExt4()
    {
        using LoopFileSystem ext4 = new("ext4", "24M", "-m 0");
        string ballast = Path.Combine(ext4.Path, "ballast");
        LoopFileSystem.Run($"head -c 16M /dev/zero >{ballast}; sync {ballast}");
        using Rig rig = Open(ext4);
        await ReadAllAsync(rig);
        Assert.NotEqual(0, rig.Fetcher.Counters.Unstored);
        await RestsAsync(rig);
        File.Delete(ballast);
        await ResumesAsync(rig);
    }

    [Fact]
    public async Task AnExt4ThatOthersFillAndThatKeepsItsMinimumFree()
    {
        using LoopFileSystem ext4 = new("ext4", "24M", "-m 0");
        using Rig rig = Open(ext4, new CacheOptions { MinFree = DiskShare.OfBytes(4 << 20) });
        await ReadAllAsync(rig);
        Assert.Equal(0, rig.Directory.Counters.WriteFailures);
        rig.Directory.Flush();
        string ballast = Path.Combine(ext4.Path, "ballast");
        LoopFileSystem.Run($"head -c 3500K /dev/zero >{ballast}; sync {ballast}");
        _time.Advance(TimeSpan.FromSeconds(5));
        await Eventually.TrueAsync(() => !rig.Directory.IsEvicting && new DriveInfo(ext4.Path).AvailableFreeSpace >= 4 << 20);
        await ReadAllAsync(rig);
    }

    [Fact]
    public async Task AReadOnlyExt4()
    {
        using LoopFileSystem ext4 = new("ext4", "32M", "-m 0");
        using Rig rig = Open(ext4);
        await rig.AssertReadAsync(0, 1 << 20);
        rig.Directory.Flush();
        LoopFileSystem.Run($"mount -o remount,abort {ext4.Path}"); // as after an error; for `ro` no file may be open for writing
        Assert.Throws<IOException>(() => File.WriteAllText(Path.Combine(ext4.Path, "file"), "more"));
        await ReadAllAsync(rig);
        await RestsAsync(rig);
        Assert.Equal(0, rig.Fetcher.Counters.Failures);
    }

    /// <summary>It is read-only when the blob's files are to be made: while one is open for writing the kernel refuses to make it so.</summary>
    [Fact]
    public async Task AReadOnlyExt4ThatBecomesWritable()
    {
        using LoopFileSystem ext4 = new("ext4", "32M", "-m 0");
        using TemporaryDirectory root = new(); // has the lock, which is open for writing
        string blobs = Directory.CreateDirectory(root.File("sha256")).FullName;
        LoopFileSystem.Run($"mount --bind {ext4.Path} {blobs}");
        try
        {
            LoopFileSystem.Run($"mount -o remount,ro {ext4.Path}");
            using Rig rig = new(_blob, Rig.NoExtras with { Time = _time }, new CacheOptions { Time = _time }, root.Path);
            await ReadAllAsync(rig);
            Assert.Contains(rig.Log, line => line.Contains("Read-only file system", StringComparison.Ordinal));
            Assert.Equal(0, rig.Disk.Reader.Cache.VerifiedChunks);
            await RestsAsync(rig);
            LoopFileSystem.Run($"mount -o remount,rw {ext4.Path}");
            await ResumesAsync(rig);
            Assert.Equal(0, rig.Fetcher.Counters.Failures);
        }
        finally
        {
            LoopFileSystem.Run($"umount -l {blobs}");
        }
    }

    /// <summary>The nearest that comes to a read-only disk, for files that are open, and can be undone.</summary>
    [Fact]
    public async Task FilesThatMayNotBeWrittenForAWhile()
    {
        using LoopFileSystem ext4 = new("ext4", "32M", "-m 0");
        using Rig rig = Open(ext4);
        await rig.AssertReadAsync(0, 1 << 20);
        rig.Directory.Flush();
        LoopFileSystem.Run($"chattr +i {rig.BlobDirectory}/data {rig.BlobDirectory}/map");
        await ReadAllAsync(rig);
        Assert.InRange(rig.Disk.Reader.Cache.VerifiedChunks, 0, 16);
        await RestsAsync(rig);
        LoopFileSystem.Run($"chattr -i {rig.BlobDirectory}/data {rig.BlobDirectory}/map");
        await ResumesAsync(rig);
        Assert.Equal(0, rig.Fetcher.Counters.Failures);
    }

    /// <summary>The file behind the device lies on a tmpfs that is smaller than the file: writing back fails with EIO.</summary>
    [Fact]
    public async Task ADiskThatLosesWhatItWasGiven()
    {
        if (!Environment.IsPrivilegedProcess) Assert.Skip("mounting needs root");
        using TemporaryDirectory memory = new();
        LoopFileSystem.Run($"mount -t tmpfs -o size=8m none {memory.Path}");
        try
        {
            using LoopFileSystem ext4 = new("ext4", "64M", "-m 0 -O ^has_journal", memory.Path);
            using Rig rig = Open(ext4);
            await ReadAllAsync(rig);
            rig.Directory.Flush();
            LoopFileSystem.Run("echo 1 >/proc/sys/vm/drop_caches");
            await ReadAllAsync(rig);
            Assert.Contains(rig.Log, line => line.Contains("can't", StringComparison.Ordinal));
            Assert.Equal(0, rig.Fetcher.Counters.Failures);
            LoopFileSystem.Run($"mount -o remount,size=128m {memory.Path}");
            for (int round = 0; round < 2; round++) // what was lost before is heard once more by reads, and by flushes: the kernel tells each open file
            {
                _time.Advance(TimeSpan.FromSeconds(2));
                await ReadAllAsync(rig);
                rig.Directory.Flush();
            }

            await ResumesAsync(rig);
            rig.Directory.Flush(); // tells whether the disk has it now
            LoopFileSystem.Run("echo 1 >/proc/sys/vm/drop_caches");
            int requests = rig.Source.Requests.Count;
            await ReadAllAsync(rig);
            Assert.True(requests == rig.Source.Requests.Count, string.Join('\n', rig.Log));
            Assert.EndsWith("storing again", rig.Log[^1], StringComparison.Ordinal);
        }
        finally
        {
            LoopFileSystem.Run($"umount -l {memory.Path}");
        }
    }

    [Fact]
    public async Task FilesThatCanNotBeMadeAreMadeLater()
    {
        if (!Environment.IsPrivilegedProcess) Assert.Skip("mounting needs root");
        using TemporaryDirectory directory = new();
        LoopFileSystem.Run($"mount -t tmpfs -o size=64m,nr_inodes=3 none {directory.Path}"); // the root, the lock, one more
        try
        {
            using Rig rig = new(_blob, Rig.NoExtras with { Time = _time }, new CacheOptions { Time = _time }, directory.Path);
            await ReadAllAsync(rig);
            LoopFileSystem.Run($"mount -o remount,nr_inodes=100 {directory.Path}");
            await ResumesAsync(rig);
        }
        finally
        {
            LoopFileSystem.Run($"umount -l {directory.Path}");
        }
    }

    private Rig Open(LoopFileSystem disk, CacheOptions? options = null) => new(_blob, Rig.NoExtras with { Time = _time }, (options ?? new CacheOptions()) with { Time = _time }, Path.Combine(disk.Path, "cache"));

    private async Task ReadAllAsync(Rig rig)
    {
        for (int round = 0; round < 2; round++) await rig.AssertReadAsync(0, _blob.Content.Length);
    }

    /// <summary>While a disk that refused a write rests, a read costs at most what it would without a cache: what is missing, once, and no try to write that it could wait for.</summary>
    private async Task RestsAsync(Rig rig)
    {
        long failures = rig.Directory.Counters.WriteFailures;
        int requests = rig.Source.Requests.Count;
        long missing = 256 - rig.Disk.Reader.Cache.VerifiedChunks;
        Assert.NotEqual(0, failures);
        await rig.AssertReadAsync(0, _blob.Content.Length);
        Assert.Equal(failures, rig.Directory.Counters.WriteFailures);
        Assert.InRange(rig.Source.Requests.Skip(requests).Sum(request => request.Length), 1, missing * 65536);
    }

    private async Task ResumesAsync(Rig rig)
    {
        _time.Advance(TimeSpan.FromSeconds(2));
        await ReadAllAsync(rig);
        Assert.Equal(256, rig.Disk.Reader.Cache.VerifiedChunks);
        Assert.Contains(rig.Log, line => line.EndsWith("storing again", StringComparison.Ordinal));
    }
}
