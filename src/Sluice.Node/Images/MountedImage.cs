using Sluice.Kernel.Fuse;
using Sluice.Kernel.Mounts;
using Sluice.Storage.Disks;

namespace Sluice.Node.Images;

/// <summary>A mounted image. Disposing unmounts it (running containers keep what they have open) and closes its disks.</summary>
/// <param name="ownsTarget">The directory was made for this mount and goes with it.</param>
internal sealed class MountedImage(string target, bool ownsTarget, IReadOnlyList<IDisk> disks, DiskServer server, MountProcess mounts) : IAsyncDisposable
{
    public string Target { get; } = target;

    public IReadOnlyList<IDisk> Disks { get; } = disks;

    public async ValueTask DisposeAsync()
    {
        await mounts.DetachAsync(Target);
        foreach (IDisk disk in Disks)
        {
            await server.RemoveAsync(disk.Name);
            disk.Dispose();
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
