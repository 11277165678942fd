using Sluice.Formats.Compression;
using Sluice.Formats.Hashing;

namespace Sluice.Formats.Rafs.Blobs;

/// <summary>How a blob is written. The defaults are those of nydus converters.</summary>
public sealed record RafsBlobWriterOptions
{
    /// <summary>Of chunks, of the chunk-info array and of the inline bootstrap.</summary>
    public Compressor Compressor { get; init; } = Compressor.Zstd;

    public DigestAlgorithm Digester { get; init; } = DigestAlgorithm.Blake3;

    /// <summary>The image's chunk size, 4 KiB to 16 MiB.</summary>
    public int ChunkSize { get; init; } = 1 << 20;

    /// <summary>Writes <c>blob.digest</c> and the table of contents.</summary>
    public bool WithToc { get; init; } = true;

    /// <summary>The blob will carry its layer's bootstrap (<c>image.boot</c>).</summary>
    public bool WithBootstrap { get; init; } = true;

    internal bool WithTarHeaders => WithToc || WithBootstrap;

    internal BlobFeatures Features =>
        BlobFeatures.CapTarToc | BlobFeatures.Aligned |
        (WithTarHeaders ? BlobFeatures.HasTarHeader : BlobFeatures.None) |
        (WithToc ? BlobFeatures.HasToc | BlobFeatures.InlinedChunkDigest : BlobFeatures.None) |
        (WithBootstrap ? BlobFeatures.InlinedFsMeta : BlobFeatures.None);
}
