using Sluice.Storage.Disks;
using Sluice.Storage.Tests.Fetching;
using Sluice.Testing;

namespace Sluice.Storage.Tests.Cache;

public sealed class EqualChunkTests : IDisposable
{
    private const int Chunks = 64;
    private const int Size = 65536;

    private readonly string _root = LoopFileSystem.Memory();
    private readonly SyntheticBlob _first = SyntheticBlob.Create(1, Chunks, Size);
    private readonly SyntheticBlob _second;

    public EqualChunkTests() => _second = SyntheticBlob.Create(2, Chunks, Size, like: _first);

    public void Dispose() => Directory.Delete(_root, recursive: true);

    [Fact]
    public async Task WhatAnotherBlobHasIsNotDownloaded()
    {
        using Rig rig = new(_first, root: _root);
        ScriptedSource source = new(_second.Stored);
        using FilesystemDisk disk = rig.Open(_second, source);
        await rig.AssertReadAsync(0, _first.Content.Length);
        await Rig.AssertReadAsync(disk, _second, 0, _second.Content.Length);
        Assert.Equal(Chunks / 2 * Size, source.Requests.Sum(request => request.Length));
        Assert.Equal(Chunks / 2 * Size, rig.Directory.Counters.CopiedBytes + rig.Directory.Counters.SharedBytes);
        Assert.True(disk.TryRead(0, new byte[Size])); // copies are stored
    }

    [Fact]
    public async Task WhatIsOnItsWayForAnotherBlobIsWaitedFor()
    {
        ScriptedSource first = new(_first.Stored), second = new(_second.Stored);
        TaskCompletionSource gate = new();
        first.Script = (_, _, _) => gate.Task;
        using Rig rig = new(_first, root: _root, sources: first);
        using FilesystemDisk disk = rig.Open(_second, second);
        Task reading = rig.AssertReadAsync((Chunks - 1) * Size, Size);
        await Eventually.TrueAsync(() => first.Requests.Count == 1);
        Task waiting = Rig.AssertReadAsync(disk, _second, 0, Size);
        await Task.Yield();
        gate.SetResult();
        await Task.WhenAll(reading, waiting);
        Assert.Empty(second.Requests);
    }

    [Fact]
    public async Task AFetchThatHangsForAnotherBlobIsNotWaitedForLong()
    {
        ManualTime time = new();
        ScriptedSource first = new(_first.Stored) { Script = (_, _, cancellation) => Task.Delay(Timeout.Infinite, cancellation) }, second = new(_second.Stored);
        using Rig rig = new(_first, Rig.NoExtras with { Time = time }, root: _root, sources: first);
        using FilesystemDisk disk = rig.Open(_second, second);
        ValueTask<DiskError> hanging = rig.Disk.ReadAsync((Chunks - 1) * Size, new byte[Size]);
        await Eventually.TrueAsync(() => first.Requests.Count == 1);
        Task waiting = Rig.AssertReadAsync(disk, _second, 0, Size);
        await Eventually.TrueAsync(() => time.HasTimer(TimeSpan.FromSeconds(2)));
        time.Advance(TimeSpan.FromSeconds(2));
        await waiting;
        Assert.Single(second.Requests);
        rig.Fetcher.Dispose();
        Assert.Equal(DiskError.InputOutput, await hanging);
    }

    /// <summary>The other blob's file has rotted under chunks that this process has verified.</summary>
    [Fact]
    public async Task WrongBytesAreNotCopied()
    {
        using Rig rig = new(_first, root: _root);
        ScriptedSource source = new(_second.Stored);
        using FilesystemDisk disk = rig.Open(_second, source);
        await rig.AssertReadAsync(0, _first.Content.Length);
        await using (FileStream data = new(Path.Combine(rig.BlobDirectory, "data"), FileMode.Open, FileAccess.Write, FileShare.ReadWrite)) data.Write(new byte[_first.Content.Length]);
        await Rig.AssertReadAsync(disk, _second, 0, _second.Content.Length);
        Assert.Equal(0, rig.Directory.Counters.CopiedBytes);
    }

    [Fact]
    public async Task BlocksAreSharedWhereTheFileSystemCan()
    {
        using LoopFileSystem xfs = new("xfs", "320M", "-m reflink=1");
        SyntheticBlob first = SyntheticBlob.Create(3, 64, 1 << 18), second = SyntheticBlob.Create(4, 64, 1 << 18, like: first);
        using Rig rig = new(first, root: Path.Combine(xfs.Path, "cache"));
        await rig.AssertReadAsync(0, first.Content.Length);
        rig.Directory.Flush();
        long free = new DriveInfo(xfs.Path).AvailableFreeSpace;
        using FilesystemDisk disk = rig.Open(second, new ScriptedSource(second.Stored));
        await Rig.AssertReadAsync(disk, second, 0, second.Content.Length);
        rig.Directory.Flush();
        Assert.Equal(32 << 18, rig.Directory.Counters.SharedBytes);
        Assert.InRange(free - new DriveInfo(xfs.Path).AvailableFreeSpace, 0, (32 << 18) + (2 << 20)); // the half that is its own
        rig.Directory.Evict(0);
        Assert.Equal(0, disk.Reader.Cache.PresentChunks);
        await Rig.AssertReadAsync(disk, second, 0, second.Content.Length);
    }
}
