using Sluice.Formats.Hashing;

namespace Sluice.Formats.Rafs;

/// <summary>
/// One chunk of a blob, whichever table it was read from (bootstrap chunk table, chunk-info V1 or V2). Offsets are bytes:
/// compressed ones in the blob file, uncompressed ones in the blob space.
/// </summary>
public readonly record struct ChunkInfo
{
    public required long CompressedOffset { get; init; }

    /// <summary>0 for members of a batch; their batch context knows.</summary>
    public required int CompressedSize { get; init; }

    public required long UncompressedOffset { get; init; }

    /// <summary>1..16 MiB.</summary>
    public required int UncompressedSize { get; init; }

    public ChunkFlags Flags { get; init; }

    /// <summary>zran: context index in the high half, offset in its output in the low half; batch: batch index and offset in the batch.</summary>
    public ulong Data { get; init; }

    /// <summary>CRC-32C of the uncompressed chunk where <see cref="ChunkFlags.HasCrc32"/> is set.</summary>
    public uint Crc32 { get; init; }

    /// <summary>All zero where the table that the chunk came from holds no digests.</summary>
    public ChunkDigest Digest { get; init; }
}
