using Sluice.Kernel.Mounts;
using Sluice.Storage.Disks;

namespace Sluice.Node.Images;

/// <summary>The disks of an image, and how they are mounted.</summary>
/// <param name="Mount">Once the disk server has the disks; gets them as files.</param>
/// <param name="MountLocal">On the disks' own files, if there are such: gets <see cref="IDisk.CompleteFiles"/>, of one disk after the other.</param>
internal sealed record OpenedImage(IReadOnlyList<IDisk> Disks, MountDisks Mount, MountDisks MountLocal);

/// <param name="mounts">Makes the mount.</param>
/// <param name="files">What is mounted.</param>
/// <param name="target">Existing directory.</param>
/// <param name="readAhead">KiB.</param>
internal delegate Task MountDisks(MountProcess mounts, IReadOnlyList<string> files, string target, int readAhead, CancellationToken cancellation);
