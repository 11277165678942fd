using Sluice.Formats.Compression;
using Sluice.Formats.Hashing;

namespace Sluice.Formats.Rafs;

/// <summary>One blob of a RAFS image: an entry of the blob table with its device slot. Sizes and offsets are bytes.</summary>
public sealed record RafsBlob
{
    /// <summary>64 hex digits: the sha256 of the blob as a registry stores it (for ref blobs: of the OCI layer).</summary>
    public required string Id { get; init; }

    public int ChunkSize { get; init; }

    public int ChunkCount { get; init; }

    public Compressor Compressor { get; init; }

    public DigestAlgorithm Digester { get; init; }

    public BlobFeatures Features { get; init; }

    /// <summary>An upper bound for chunk ends, not the file size: see nydus-image's merge.</summary>
    public long CompressedSize { get; init; }

    /// <summary>Size of the blob space, rounded up to 4096 (512 in tarfs mode).</summary>
    public long UncompressedSize { get; init; }

    public int TocSize { get; init; }

    public Compressor ChunkInfoCompressor { get; init; }

    /// <summary>Where the chunk-info array starts in the blob (or in the separate meta blob); its 4096-byte header follows it.</summary>
    public long ChunkInfoOffset { get; init; }

    public long ChunkInfoCompressedSize { get; init; }

    public long ChunkInfoUncompressedSize { get; init; }

    public ChunkDigest TocDigest { get; init; }

    /// <summary>Separate blobs: sha256 of the meta blob. With encryption this field holds the key instead; see <see cref="CipherKey"/>.</summary>
    public ChunkDigest MetaDigest { get; init; }

    public long MetaSize { get; init; }

    public RafsCipher Cipher { get; init; }

    /// <summary>32 bytes, or empty without encryption.</summary>
    public ReadOnlyMemory<byte> CipherKey { get; init; }

    /// <summary>16 bytes, or empty without encryption.</summary>
    public ReadOnlyMemory<byte> CipherIv { get; init; }

    /// <summary>Where the blob space lies on the flat disk (bootstrap at 0), in bytes.</summary>
    public long MappedOffset { get; init; }
}

/// <summary>The numbers are those of RAFS.</summary>
public enum RafsCipher
{
    None = 0,
    Aes128Xts = 1,
    Aes256Xts = 2,
    Aes256Gcm = 3,
}
