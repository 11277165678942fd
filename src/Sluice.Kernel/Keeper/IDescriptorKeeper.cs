using Sluice.Formats;
using Sluice.Kernel.Fuse;

namespace Sluice.Kernel.Keeper;

/// <summary>
/// Holds the descriptors of FUSE connections in another process, so that the connections outlive the one that serves them: as long as one
/// descriptor is open, requests wait in the kernel instead of failing, and a successor can adopt them (<see cref="DiskServer.AdoptAsync"/>).
/// <para>
/// A name means one connection, and whoever keeps or takes it serves it from then on. A server gives each connection away as soon as it
/// is mounted (<see cref="Keep"/>); its successor begins with <see cref="Take"/>, adopts what is still mounted, and releases the rest.
/// <see cref="Release"/> follows the unmount, not the other way round. Orderly end of a server that wants to be succeeded: stop serving,
/// dispose this object, exit; nothing is released.
/// </para>
/// <para>
/// A keeper knows nothing of mounts and disks. Names are 1 to 255 of <c>A-Z a-z 0-9 . _ -</c>. All members may be called concurrently and wait for
/// another process, for seconds if that is in trouble. They throw a <see cref="SluiceException"/>: Usage for a bad name, Kernel when the keeper can't be reached
/// or refuses. Disposing lets go of the keeper, not of what it holds.
/// </para>
/// </summary>
public interface IDescriptorKeeper : IDisposable
{
    /// <summary>Has a duplicate of the descriptor held, in place of the one of the same name. The caller keeps its own.</summary>
    void Keep(string name, FuseDescriptor descriptor);

    /// <summary>Lets go of a name. One that is not held is no error.</summary>
    void Release(string name);

    /// <summary>Everything that is held, as duplicates that the caller disposes; the keeper goes on holding its own.</summary>
    IReadOnlyDictionary<string, FuseDescriptor> Take();
}
