using Sluice.Kernel.Fuse;
using Sluice.Kernel.Mounts;
using Sluice.Storage.Disks;

namespace Sluice.Node.Images;

/// <summary>A mounted image. Disposing unmounts it (running containers keep what they have open) and closes its disks; the directory stays.</summary>
internal sealed class MountedImage(string target, IReadOnlyList<IDisk> disks, DiskServer server, MountProcess mounts) : IAsyncDisposable
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
    }
}
