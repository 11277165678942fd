using Sluice.Kernel.Fuse;
using Sluice.Kernel.Mounts;
using Sluice.Node.Succession;
using Sluice.Storage.Disks;

namespace Sluice.Node.Images;

/// <summary>A writable disk as a block device that nobody here mounts. Disposing gives the device back, and closes the disk when its last user has written everything.</summary>
/// <param name="file">The disk as a file of the server.</param>
/// <param name="fileSystem">What is on it.</param>
/// <param name="described">What a successor is told of it.</param>
internal sealed class AttachedDevice(
    string device, string file, string fileSystem, WritableDisk disk, DiskServer server, MountProcess mounts, DescribedMount described) : IAsyncDisposable
{
    /// <summary><c>/dev/loopN</c>.</summary>
    public string Device { get; } = device;

    public string FileSystem { get; } = fileSystem;

    public WritableDisk Disk { get; } = disk;

    /// <summary>How long <see cref="DisposeAsync"/> waits for users.</summary>
    public TimeSpan Patience { get; set; } = TimeSpan.FromSeconds(60);

    /// <summary>False when somebody else has taken it away.</summary>
    public bool IsAttached => ImageMounts.BackingFileOf(Device) == file;

    /// <summary>Closes the disk and leaves the device to a successor. The server must have left before.</summary>
    public void Leave() => Disk.Dispose();

    public async ValueTask DisposeAsync()
    {
        try
        {
            if (IsAttached) await mounts.DetachLoopAsync(Device); // not whatever has its number now
        }
        finally
        {
            await server.ClosedAsync(Disk.Name, Patience);
            await server.RemoveAsync(Disk.Name);
            Disk.Dispose();
            described.Removed();
        }
    }
}
