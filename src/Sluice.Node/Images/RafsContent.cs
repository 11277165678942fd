using Sluice.Formats.Oci;
using Sluice.Formats.Rafs;
using Sluice.Kernel.Mounts;
using Sluice.Storage.Disks;
using Sluice.Storage.Sources;

namespace Sluice.Node.Images;

/// <summary>A RAFS image: EROFS on the bootstrap and a disk for each blob, or on one flat disk where the kernel needs a block device.</summary>
internal sealed class RafsContent(RafsImage image) : ImageContent
{
    public RafsImage Image { get; } = image;

    public override async Task<OpenedImage> OpenAsync(
        ImageDisks opener, IImageStore store, string key, LocalImage image, bool onLoop, CancellationToken cancellation)
    {
        string bootstrap = image.MetadataPath;
        int blockSize = Image.BlockSize;
        long SizeOf(Digest digest) => image.Record.Blobs.TryGetValue(digest.ToString(), out long size) ? size : 0;
        if (onLoop && Image.Blobs.Count > 0)
        {
            IDisk flat = await opener.OpenFlatAsync(Image, bootstrap, store.Sources, key, SizeOf, cancellation);
            return new OpenedImage([flat], (mounts, files, target, readAhead, token) => mounts.MountErofsOnLoopAsync(
                new ErofsLoopMount { Disk = files[0], Target = target, BlockSize = blockSize, ReadAheadKilobytes = readAhead }, token));
        }

        IReadOnlyList<IDisk> disks = await opener.OpenAsync(Image, store.Sources, key, SizeOf, localFile: null, cancellation);
        return new OpenedImage(disks, (mounts, files, target, readAhead, token) => mounts.MountErofsAsync(
            new ErofsMount { Bootstrap = bootstrap, Devices = files, Target = target, ReadAheadKilobytes = readAhead }, token));
    }
}
