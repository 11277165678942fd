using Sluice.Node.Succession;
using Sluice.Storage.Disks;
using Sluice.Storage.Sources;

namespace Sluice.Node.Images;

/// <summary>An image that a predecessor has mounted, served again.</summary>
/// <param name="Store">Where its blobs come from; goes with the mount.</param>
/// <param name="Late">Opens its disks.</param>
internal sealed record AdoptedImage(MountRecord Record, MountedImage Mounted, IImageStore Store, LateImage Late);

/// <summary>A writable disk of a predecessor, served again.</summary>
/// <param name="Store">Where the blobs of the image below come from; goes with the disk.</param>
internal sealed record AdoptedWritable(MountRecord Record, WritableDisk Disk, IImageStore Store);
