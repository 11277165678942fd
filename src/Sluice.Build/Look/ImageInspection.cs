using Sluice.Formats;
using Sluice.Formats.Compression;
using Sluice.Formats.Oci;
using Sluice.Formats.OverlayBd.Artifacts;
using Sluice.Formats.OverlayBd.Lsmt;
using Sluice.Formats.OverlayBd.ZFile;
using Sluice.Formats.Rafs;
using Sluice.Formats.Trees;
using Sluice.Storage.Images;

namespace Sluice.Build.Look;

/// <summary>Gathers <see cref="ImageFacts"/>: downloads manifest, configuration and what the image has of metadata, but no data.</summary>
public static class ImageInspection
{
    /// <exception cref="SluiceException">Corrupt image, or the source failed.</exception>
    public static async Task<ImageFacts> InspectAsync(StoredImage image, CancellationToken cancellation)
    {
        var manifest = new StoredManifestFacts(image.Stored.MediaType, image.Stored.Digest, image.Stored.Content.Length, image.Manifest.Config.Digest);
        Platform? platform = image.Manifest.IsContainerImage ? (await image.ReadConfigAsync(cancellation)).Platform : null;
        RafsFacts? rafs = null;
        if (image.BootstrapLayer is not null) rafs = FactsOf(await RafsImageLoader.LoadAsync(image, cancellation));
        if (!OverlayBdAnnotations.AreOn(image.Manifest)) return new ImageFacts(manifest, platform, image.Manifest.Layers, rafs, Device: null, image.BootstrapLayer?.Size ?? 0);
        using RemoteBlockImage blocks = await RemoteBlockImage.LoadAsync(image, cancellation);
        return new ImageFacts(manifest, platform, image.Manifest.Layers, rafs, FactsOf(blocks), blocks.BytesFetched);
    }

    private static DeviceFacts FactsOf(RemoteBlockImage image) =>
        new(image.Index.VirtualSize, image.Index.Extents.Length, DataSize(image.Index.Extents), [.. image.Layers.Select(FactsOf)]);

    private static BlockLayerFacts FactsOf(RemoteBlockLayer remote)
    {
        LsmtHeader trailer = remote.Layer.Trailer;
        Compressor? compressor = remote.Layer.ZFile?.Codec.Algorithm switch { null => null, ZFileAlgorithm.Zstd => Compressor.Zstd, _ => Compressor.Lz4Block };
        int blockSize = remote.Layer.ZFile?.Codec.BlockSize ?? 0;
        return new BlockLayerFacts(remote.Descriptor.Digest, trailer.Uuid, trailer.ParentUuid, trailer.UserTag, compressor, blockSize, remote.Layer.Extents.Length, DataSize(remote.Layer.Extents));
    }

    private static long DataSize(ReadOnlySpan<LsmtExtent> extents)
    {
        long sectors = 0;
        foreach (ref readonly LsmtExtent extent in extents)
        {
            if (!extent.IsZeroed) sectors += extent.Length;
        }

        return sectors * LsmtExtent.SectorSize;
    }

    private static RafsFacts FactsOf(RemoteRafsImage remote)
    {
        RafsImage image = remote.Image;
        var counts = new SortedDictionary<FileType, int>();
        long bytes = 0;
        foreach (Inode inode in TreeWalk.Inodes(image.Root))
        {
            counts[inode.Type] = counts.GetValueOrDefault(inode.Type) + 1;
            if (inode.Type == FileType.Regular) bytes += inode.Size;
        }

        return new RafsFacts(
            image.Version,
            image.BlockSize,
            image.ChunkSize,
            image.Compressor,
            image.Digester,
            image.IsTarfs,
            remote.Bootstrap.Length,
            [.. image.Blobs.Select((blob, i) => FactsOf(blob, image.Chunks[i]))],
            FindPaths(image),
            counts,
            bytes);
    }

    private static BlobFacts FactsOf(RafsBlob blob, ChunkInfo[] chunks) =>
        new(blob.Id, blob.Features, blob.Compressor, blob.ChunkCount, chunks.Count(chunk => chunk.UncompressedSize > 0), blob.CompressedSize, blob.UncompressedSize);

    /// <summary>Paths of the prefetch table in its order.</summary>
    private static List<FileName> FindPaths(RafsImage image)
    {
        var paths = new Dictionary<Inode, FileName>(ReferenceEqualityComparer.Instance);
        foreach (Inode inode in image.Prefetch) paths[inode] = default;
        int missing = paths.Count;
        foreach (TreeEntry entry in TreeWalk.DepthFirst(image.Root))
        {
            if (missing == 0) break;
            if (!paths.TryGetValue(entry.Inode, out FileName path) || !path.IsEmpty) continue;
            paths[entry.Inode] = entry.Path;
            missing--;
        }

        return [.. image.Prefetch.Select(inode => paths[inode])];
    }
}
