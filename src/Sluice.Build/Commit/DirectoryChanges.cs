using System.Security.Cryptography;
using Sluice.Build.Convert;
using Sluice.Build.OverlayBd;
using Sluice.Formats.Oci;
using Sluice.Formats.OverlayBd.Lsmt;
using Sluice.Formats.OverlayBd.ZFile;
using Sluice.Formats.Tar;
using Sluice.Storage.Images;

namespace Sluice.Build.Commit;

/// <summary>
/// The overlayfs upper directories of a container, read in one go into temporary files: after <see cref="Read"/> the container may go
/// on. <see cref="PackAsync"/> then applies them to the image's device.
/// </summary>
public sealed class DirectoryChanges : IDisposable
{
    private readonly List<Tar> _tars;
    private PackedBlockLayer? _packed;

    private DirectoryChanges(List<Tar> tars, IReadOnlyList<string> warnings) => (_tars, Warnings) = (tars, warnings);

    /// <summary>What could not be carried over, one line each.</summary>
    public IReadOnlyList<string> Warnings { get; private set; }

    /// <summary>Reads the directories; the calling thread waits for the disk.</summary>
    /// <param name="directories">Lowest first.</param>
    /// <exception cref="Formats.SluiceException">A file can't be read or has its content elsewhere, or the temporary directory is full.</exception>
    public static DirectoryChanges Read(IReadOnlyList<string> directories, CancellationToken cancellation)
    {
        List<Tar> tars = [];
        List<string> warnings = [];
        try
        {
            foreach (string directory in directories)
            {
                var file = new ScratchFile();
                tars.Add(new Tar(file, default!));
                using var writer = new TarWriter(file, leaveOpen: true);
                var upper = new UpperTar(writer, cancellation);
                upper.Write(directory);
                warnings.AddRange(upper.Warnings);
                file.Position = 0;
                tars[^1] = new Tar(file, new Descriptor { MediaType = MediaTypes.OciLayer, Digest = Digest.FromSha256(SHA256.HashData(file)), Size = file.Length });
            }

            return new DirectoryChanges(tars, warnings);
        }
        catch
        {
            foreach (Tar tar in tars) tar.File.Dispose();
            throw;
        }
    }

    /// <summary>Applies them to the device of <paramref name="image"/>, as one layer. Once.</summary>
    /// <returns>The layer to commit; only valid until this is disposed.</returns>
    /// <exception cref="Formats.SluiceException">Not a block image with ext4, a source or the disk failed, or the device is full.</exception>
    public async Task<CommitLayer> PackAsync(StoredImage image, CommitOptions options, CancellationToken cancellation)
    {
        using RemoteBlockImage below = await RemoteBlockImage.LoadAsync(image, cancellation);
        var block = new BlockImageOptions { VirtualSize = below.Index.VirtualSize, BlockSize = options.BlockSize, Algorithm = options.Algorithm };
        using var device = new LayeredDevice(block.VirtualSize, new LowerLayers(new BlockContentReader(below) { Window = 64 << 10 }));
        using Pipeline<ZFileBatch> pipeline = ZFileCompressor.NewPipeline(new ZFileBlockCodec(block.Algorithm, block.BlockSize, HasChecksums: true), options.Jobs);
        var packer = new BlockLayerPacker(block, device, pipeline) { IsFormatted = true };
        IReadOnlyList<LayerSource> sources = [.. _tars.Select(tar => new LayerSource(tar.Content, tar.Content.Digest, () =>
        {
            tar.File.Position = 0;
            return tar.File;
        }))];
        PackedBlockLayer packed = _packed = await packer.PackAsync(sources, new LayerIdentity(LsmtHeader.NoUuid, LsmtHeader.NoUuid), cancellation);
        Warnings = [.. Warnings, .. packed.Warnings];
        return new CommitLayer((output, layer) => BlockLayerCompaction.Run(packed, output, layer));
    }

    public void Dispose()
    {
        foreach (Tar tar in _tars) tar.File.Dispose();
        _packed?.Dispose();
    }

    /// <param name="Content">Of the tar, which is not compressed.</param>
    private sealed record Tar(ScratchFile File, Descriptor Content);
}
