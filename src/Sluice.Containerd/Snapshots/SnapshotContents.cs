using Sluice.Containerd.Snapshots.Lazy;

namespace Sluice.Containerd.Snapshots;

/// <summary>What a container's snapshot consists of, for whoever makes an image of it.</summary>
/// <param name="Id">See <see cref="ContainerDisk.Id"/>.</param>
/// <param name="Image">At the bottom; null: all its layers are ordinary ones.</param>
/// <param name="Directories">What overlayfs shows over the image, lowest first, the container's own last; empty for a container with a disk of its own.</param>
/// <param name="DiskDirectory">See <see cref="ContainerDisk.Directory"/>.</param>
public sealed record SnapshotContents(long Id, WriteMode Mode, LazyImage? Image, IReadOnlyList<string> Directories, string DiskDirectory);
