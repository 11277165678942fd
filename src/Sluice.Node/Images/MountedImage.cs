using Sluice.Kernel.Fuse;
using Sluice.Kernel.Mounts;
using Sluice.Node.Starts;
using Sluice.Node.Succession;
using Sluice.Storage.Disks;

namespace Sluice.Node.Images;

/// <summary>A mounted image. Disposing unmounts it (running containers keep what they have open) and closes its disks.</summary>
/// <param name="server">Serves the disks. Null: nobody does, the kernel has their files.</param>
/// <param name="mounts">Unmounts.</param>
/// <param name="ownsTarget">The directory was made for this mount and goes with it.</param>
/// <param name="described">What a successor is told of it; null: nothing.</param>
internal sealed class MountedImage(
    string target, bool ownsTarget, IReadOnlyList<IDisk> disks, DiskServer? server, MountProcess mounts, DescribedMount? described = null, Action<string>? log = null) : IAsyncDisposable
{
    private int? _mount;

    public string Target { get; } = target;

    public IReadOnlyList<IDisk> Disks { get; } = disks;

    /// <summary>True if the kernel reads it without this process.</summary>
    public bool IsLocal => server is null;

    /// <summary>How long <see cref="DisposeAsync"/> waits for a writable file system that is still in use.</summary>
    public TimeSpan Patience { get; set; } = TimeSpan.FromSeconds(60);

    /// <summary>Of its containers; they end before its disks do. Null: nobody follows them.</summary>
    public MountStarts? Starts { get; init; }

    /// <summary>True while it is mounted, whatever else is mounted on the same directory.</summary>
    public bool IsMounted => MountTable.Read().Any(entry => entry.Id == _mount && entry.MountPoint == Target);

    /// <summary>True while it is mounted, or has writes to come: an unmounted file system that is still in use writes until its last user has gone.</summary>
    public bool IsInUse => IsMounted || Disks.Any(disk => disk is IWritableDisk && server!.IsOpen(disk.Name));

    /// <summary>To be called when the mount was made: remembers which one it is.</summary>
    public void Found()
    {
        MountEntry? mount = MountTable.Find(Target);
        _mount = mount?.Id;
        if (mount is not null) described?.Mounted(mount);
    }

    /// <summary>Instead of <see cref="Found"/>: the mount is that of a predecessor.</summary>
    public void Adopted(MountIdentity mount) => _mount = mount.Id;

    /// <summary>Closes the disks and leaves the mount to a successor. Their server must have left before, and <see cref="Starts"/> must be over.</summary>
    public void Leave()
    {
        foreach (IDisk disk in Disks) disk.Dispose();
    }

    /// <exception cref="Formats.SluiceException">The kernel did not unmount it; its disks are closed all the same.</exception>
    public async ValueTask DisposeAsync()
    {
        try
        {
            if (Starts is not null) await Starts.DisposeAsync();
            if (_mount is not null && MountTable.Find(Target)?.Id == _mount) await mounts.DetachAsync(Target); // not what lay below ours
        }
        finally
        {
            foreach (IDisk disk in Disks)
            {
                if (disk is IWritableDisk && !await server!.ClosedAsync(disk.Name, Patience))
                    log?.Invoke($"{Target}: still in use {Patience.TotalSeconds:0} s after it was unmounted: what was not written by now is lost");
                if (server is not null) await server.RemoveAsync(disk.Name);
                disk.Dispose();
            }

            described?.Removed();
        }

        if (!ownsTarget) return;
        try
        {
            Directory.Delete(Target);
        }
        catch (IOException)
        {
            // Something has been put there; it does not hurt.
        }
    }
}
