namespace Sluice.Formats.Rafs.Blobs;

/// <summary>
/// The smallest part of a blob that is fetched and decoded together: one chunk, the members of a batch, or the chunks of a
/// zran context. Its chunks are consecutive and so is the blob space they cover, apart from gaps (alignment, mostly; at most
/// 64 KiB, zero). The whole unit can therefore be written to the cache with one write at <see cref="UncompressedOffset"/>.
/// </summary>
public readonly record struct ChunkUnit
{
    /// <summary>Number of the unit in its blob.</summary>
    public required int Index { get; init; }

    public required int FirstChunk { get; init; }

    public required int ChunkCount { get; init; }

    /// <summary>Where in the blob the compressed bytes start. Neighbouring units may share or overlap this range (zran does).</summary>
    public required long CompressedOffset { get; init; }

    /// <summary>Bytes to fetch; 0 for a chunk that needs none (a hole) or that the image does not list.</summary>
    public required int CompressedLength { get; init; }

    /// <summary>Where in blob space the first chunk starts.</summary>
    public required long UncompressedOffset { get; init; }

    /// <summary>Bytes of blob space up to the end of the last chunk, gaps included, at most 32 MiB; 0 for a chunk that the image does not list.</summary>
    public required int UncompressedLength { get; init; }

    /// <summary>Number of the chunk after the last one.</summary>
    public int EndChunk => FirstChunk + ChunkCount;

    public long CompressedEnd => CompressedOffset + CompressedLength;

    public long UncompressedEnd => UncompressedOffset + UncompressedLength;
}
