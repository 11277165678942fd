using Sluice.Kernel.Mounts;
using Sluice.Storage.Disks;

namespace Sluice.Node.Images;

/// <summary>The disks of an image, and how they are mounted once the disk server has them.</summary>
internal sealed record OpenedImage(IReadOnlyList<IDisk> Disks, MountDisks Mount);

/// <param name="mounts">Makes the mount.</param>
/// <param name="files">The disks as files, in their order.</param>
/// <param name="target">Existing directory.</param>
/// <param name="readAhead">KiB.</param>
internal delegate Task MountDisks(MountProcess mounts, IReadOnlyList<string> files, string target, int readAhead, CancellationToken cancellation);
