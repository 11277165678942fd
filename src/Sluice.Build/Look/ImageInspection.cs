using Sluice.Formats;
using Sluice.Formats.Oci;
using Sluice.Formats.Rafs;
using Sluice.Formats.Trees;
using Sluice.Storage.Images;

namespace Sluice.Build.Look;

/// <summary>Gathers <see cref="ImageFacts"/>: downloads manifest, configuration and, of a RAFS image, the bootstrap.</summary>
public static class ImageInspection
{
    /// <exception cref="SluiceException">Corrupt image, or the source failed.</exception>
    public static async Task<ImageFacts> InspectAsync(StoredImage image, CancellationToken cancellation)
    {
        var manifest = new StoredManifestFacts(image.Stored.MediaType, image.Stored.Digest, image.Stored.Content.Length, image.Manifest.Config.Digest);
        Platform? platform = image.Manifest.IsContainerImage ? (await image.ReadConfigAsync(cancellation)).Platform : null;
        RafsFacts? rafs = null;
        if (image.BootstrapLayer is not null) rafs = FactsOf(await RafsImageLoader.LoadAsync(image, cancellation));
        return new ImageFacts(manifest, platform, image.Manifest.Layers, rafs, image.BootstrapLayer?.Size ?? 0);
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
