namespace Sluice.Formats.Rafs.Blobs;

/// <summary>Upper limits of what a blob may claim. They are RAFS's own; <see cref="MaxExpansion"/> and the unit limits are ours.</summary>
public static class RafsBlobLimits
{
    /// <summary>Chunk numbers have 24 bits.</summary>
    public const int MaxChunks = 1 << 24;

    public const int MaxChunkSize = 1 << 24;

    /// <summary>Offsets of chunks in a blob have 40 bits.</summary>
    public const long MaxCompressedSize = 1L << 40;

    public const long MaxUncompressedSize = 1L << 44;

    /// <summary>A bootstrap or a chunk-info array; nydus stops at 2 GiB.</summary>
    public const long MaxMetadataSize = 1L << 30;

    /// <summary>Metadata may grow by this factor (beyond <see cref="FreeExpansion"/>) when it is decompressed: real tables stay below 100.</summary>
    public const int MaxExpansion = 1000;

    public const long FreeExpansion = 16 << 20;

    /// <summary>Compressed or uncompressed bytes of one batch or zran context; nydus makes them of 2 MiB, and a context holds whole chunks.</summary>
    public const int MaxContextSize = 64 << 20;

    /// <summary>Blob space that one unit covers.</summary>
    public const int MaxUnitSize = 32 << 20;

    /// <summary>Unused blob space between two chunks of a unit.</summary>
    public const int MaxUnitGap = 64 << 10;

    /// <summary>The window of deflate.</summary>
    public const int MaxDictionarySize = 32 << 10;
}
