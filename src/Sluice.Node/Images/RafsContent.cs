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
        IReadOnlyList<IDisk> disks = await OpenDisksAsync(opener, store, key, image, onLoop, cancellation);
        if (IsFlat(onLoop))
        {
            return new OpenedImage(
                disks,
                (mounts, files, target, readAhead, token) => mounts.MountErofsOnLoopAsync(
                    new ErofsLoopMount { Disk = files[0], Target = target, BlockSize = blockSize, ReadAheadKilobytes = readAhead }, token),
                (mounts, files, target, readAhead, token) => mounts.MountErofsOnLoopAsync(
                    new ErofsLoopMount { Disk = bootstrap, Devices = files, Target = target, BlockSize = blockSize, ReadAheadKilobytes = readAhead }, token));
        }

        Task MountAsync(MountProcess mounts, IReadOnlyList<string> files, string target, int readAhead, CancellationToken token) =>
            mounts.MountErofsAsync(new ErofsMount { Bootstrap = bootstrap, Devices = files, Target = target, ReadAheadKilobytes = readAhead }, token);
        return new OpenedImage(disks, MountAsync, MountAsync);
    }

    public override async Task<IReadOnlyList<IDisk>> OpenDisksAsync(
        ImageDisks opener, IImageStore store, string key, LocalImage image, bool onLoop, CancellationToken cancellation)
    {
        long SizeOf(Digest digest) => image.Record.Blobs.TryGetValue(digest.ToString(), out long size) ? size : 0;
        if (IsFlat(onLoop)) return [await opener.OpenFlatAsync(Image, image.MetadataPath, store.Sources, key, SizeOf, cancellation)];
        return await opener.OpenAsync(Image, store.Sources, key, SizeOf, localFile: null, cancellation);
    }

    private bool IsFlat(bool onLoop) => onLoop && Image.Blobs.Count > 0;
}
