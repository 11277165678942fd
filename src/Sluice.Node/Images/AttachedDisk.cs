using Sluice.Containerd.Snapshots;
using Sluice.Formats;
using Sluice.Formats.Ext4;
using Sluice.Kernel.Mounts;
using Sluice.Storage.Disks;
using Sluice.Storage.Disks.Uppers;
using Sluice.Storage.Sources;

namespace Sluice.Node.Images;

/// <summary>A container's own disk that the kernel has: mounted here, or as a device that the container mounts.</summary>
internal sealed class AttachedDisk : IAsyncDisposable
{
    /// <summary>A seal makes some files and syncs them; whoever writes in the container waits for that.</summary>
    private static readonly TimeSpan FreezeLimit = TimeSpan.FromSeconds(20);

    private readonly Lock _sealing = new();
    private readonly IImageStore _store;
    private readonly MountedImage? _mounted;
    private readonly AttachedDevice? _device;
    private readonly WritableDisk _disk;

    /// <param name="store">Where the image's blobs come from; owned.</param>
    public AttachedDisk(MountedImage mounted, IImageStore store) => (_mounted, _store, _disk) = (mounted, store, (WritableDisk)mounted.Disks[0]);

    /// <inheritdoc cref="AttachedDisk(MountedImage, IImageStore)"/>
    public AttachedDisk(AttachedDevice device, IImageStore store) => (_device, _store, _disk) = (device, store, device.Disk);

    public IDisk Disk => _disk;

    /// <summary>What containerd is to mount for the container.</summary>
    public SnapshotMount Mount => _mounted is not null ? new SnapshotMount("bind", _mounted.Target, ["rw", "rbind"]) : new SnapshotMount(_device!.FileSystem, _device.Device, ["rw"]);

    /// <summary>False when somebody else has taken the mount or the device away.</summary>
    public bool IsAttached => _mounted?.IsMounted ?? _device!.IsAttached;

    /// <summary>
    /// Seals what was written so far while the container goes on: its file system stands still for a moment, so that the sealed state
    /// is one that it could have been unmounted in.
    /// </summary>
    /// <param name="halts">Has a note while the file system stands still.</param>
    /// <returns>The sealed layers, lowest first; the disk's.</returns>
    /// <exception cref="Formats.SluiceException">The file system can't be frozen, or the local disk failed. The disk goes on as before.</exception>
    public async Task<IReadOnlyList<IUpper>> SealAsync(Halts halts)
    {
        await OnOwnThread(() =>
        {
            lock (_sealing)
            {
                if (MountPoint() is { } directory)
                {
                    using IDisposable noted = halts.Note(new Halt(directory));
                    FrozenFileSystem.Run(directory, FreezeLimit, SealClean);
                }
                else if (_device is not null && LoopDevices.IsMounted(_device.Device)) throw MountedElsewhere(_device.Device);
                else _disk.Seal();
            }
        });
        return _disk.Sealed;
    }

    /// <summary>Before a stop of the node: everything written goes to the disk, and nobody is waited for who goes on using it.</summary>
    public async Task PrepareStopAsync()
    {
        if (MountPoint() is { } directory) await OnOwnThread(() => FrozenFileSystem.Sync(directory));
        TimeSpan patience = TimeSpan.FromSeconds(2);
        if (_mounted is not null) _mounted.Patience = patience;
        else _device!.Patience = patience;
    }

    /// <summary>Closes the disk and leaves what the kernel has of it to a successor. The disk's server must have left before.</summary>
    public async ValueTask LeaveAsync()
    {
        _mounted?.Leave();
        _device?.Leave();
        await _store.DisposeAsync();
    }

    public async ValueTask DisposeAsync()
    {
        try
        {
            if (_mounted is not null) await _mounted.DisposeAsync();
            else await _device!.DisposeAsync();
        }
        finally
        {
            await _store.DisposeAsync();
        }
    }

    /// <summary>Where the file system is mounted, by whomever; null if nowhere.</summary>
    private string? MountPoint() => _mounted is not null
        ? (_mounted.IsMounted ? _mounted.Target : null)
        : MountTable.Read().LastOrDefault(mount => mount.Source == _device!.Device)?.MountPoint;

    /// <summary>The superblock of a mounted ext4 without a journal says that it was not unmounted. The sealed layer says that it was, the disk as it is.</summary>
    private void SealClean()
    {
        byte[] before = new byte[Ext4State.SuperblockSize];
        DiskError error = DiskError.None;
        bool changed = _disk.TryRead(Ext4State.SuperblockOffset, before);
        if (changed)
        {
            byte[] clean = [.. before];
            changed = Ext4State.MarkClean(clean) && _disk.Write(Ext4State.SuperblockOffset, clean) == DiskError.None;
        }

        try
        {
            _disk.Seal();
        }
        finally
        {
            if (changed) error = _disk.Write(Ext4State.SuperblockOffset, before);
        }

        if (error != DiskError.None)
            throw new SluiceException(SluiceError.Disk, _disk.Name, $"its superblock can't be written back ({error}): it says that the file system was unmounted", "check the file system before the container is started again");
    }

    private static SluiceException MountedElsewhere(string device) =>
        new(SluiceError.Runtime, device, "is mounted in a mount namespace that the daemon does not see, so that it can't be frozen", "run the daemon in the mount namespace of containerd, or stop the container");

    /// <summary>What waits for a file system that this process serves must not hold threads of the pool.</summary>
    private static Task OnOwnThread(Action action) => Task.Factory.StartNew(action, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
}
