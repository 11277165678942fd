namespace Sluice.Formats.Rafs;

/// <summary>Flags of a chunk, as the 80-byte chunk table of a bootstrap numbers them.</summary>
[Flags]
public enum ChunkFlags : uint
{
    None = 0,
    Compressed = 0x1,
    Hole = 0x2,
    Encrypted = 0x4,
    Batch = 0x8,
    HasCrc32 = 0x10,

    /// <summary>Ours, never stored in a bootstrap: the chunk lies in a gzip stream and <see cref="ChunkInfo.Data"/> is a zran position.</summary>
    Zran = 0x100,
}
