using Microsoft.Win32.SafeHandles;
using Sluice.Formats;
using Sluice.Kernel.Fuse;
using Sluice.Kernel.Mounts;
using Sluice.Node.Images;
using Sluice.Node.Tests.Support;
using Sluice.Storage.Disks;

namespace Sluice.Node.Tests.Images;

public sealed class MountedImageTests
{
    [Fact]
    public async Task DisksAreClosedAlsoWhenTheUnmountFails()
    {
        using MountPlaces places = new();
        string target = Directory.CreateDirectory(places.Of("target")).FullName;
        await using DiskServer server = await DiskServer.StartAsync(new DiskServerOptions { MountPoint = places.Of("disks") }, _ => { });
        await using MountProcess dead = MountProcess.Start(new MountProcessOptions { Executable = "/bin/false" }, _ => { });
        EmptyDisk[] disks = [new("one"), new("two")];
        foreach (EmptyDisk disk in disks) server.Add(disk);
        MountCalls.Tmpfs(target, 4096);
        MountedImage mounted = new(target, ownsTarget: false, disks, server, dead);
        mounted.Found();
        await Assert.ThrowsAsync<SluiceException>(() => mounted.DisposeAsync().AsTask());
        Assert.All(disks, disk => Assert.True(disk.Disposed));
        Assert.Equal(0, server.Counters.Disks);
    }

    private sealed class EmptyDisk(string name) : IDisk
    {
        public string Name => name;

        public long Length => 0;

        public SafeFileHandle? CompleteFile => null;

        public bool Disposed { get; private set; }

        public bool TryRead(long offset, Span<byte> destination) => false;

        public ValueTask<DiskError> ReadAsync(long offset, Memory<byte> destination) => ValueTask.FromResult(DiskError.Invalid);

        public void Dispose() => Disposed = true;
    }
}
