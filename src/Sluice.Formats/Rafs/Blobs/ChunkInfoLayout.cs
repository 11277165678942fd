using System.Buffers.Binary;

namespace Sluice.Formats.Rafs.Blobs;

/// <summary>The two forms of an entry of the chunk-info array.</summary>
/// <remarks>
/// <code>
/// V1, two u64:   uncompressed  63..44 (size-1)[19:0]   43..12 offset / 4096   11..8 (size-1)[23:20]
///                compressed    63..44 (size-1)[19:0]   43..40 (size-1)[23:20]  39..0 offset
/// V2, three u64: uncompressed  63..56 flags            55..32 size-1           31..0 offset / 4096
///                compressed    63..40 size (0 in a batch)                      39..0 offset
///                data          context index and offset in its output, or CRC-32C in the low half
/// </code>
/// A V1 chunk is compressed exactly if its two sizes differ.
/// </remarks>
internal static class ChunkInfoLayout
{
    public const int V1Size = 16;
    public const int V2Size = 24;

    /// <summary>Unit of uncompressed offsets.</summary>
    public const int Alignment = 4096;

    private const ulong V2Compressed = 1;
    private const ulong V2Zran = 2;
    private const ulong V2Batch = 4;
    private const ulong V2Encrypted = 8;
    private const ulong V2HasCrc32 = 0x10;
    private const ulong V2Known = V2Compressed | V2Zran | V2Batch | V2Encrypted | V2HasCrc32;

    private const ulong CompressedOffsetMask = (1UL << 40) - 1;
    private const ulong V1UncompressedOffsetMask = 0xfff_ffff_f000;

    public static ChunkInfo ReadV1(ReadOnlySpan<byte> entry)
    {
        ulong uncompressed = BinaryPrimitives.ReadUInt64LittleEndian(entry);
        ulong compressed = BinaryPrimitives.ReadUInt64LittleEndian(entry[8..]);
        int uncompressedSize = (int)((uncompressed >> 44) | ((uncompressed & 0xf00) << 12)) + 1;
        int compressedSize = (int)((compressed >> 44) | ((compressed >> 20) & 0xf0_0000)) + 1;
        return new ChunkInfo
        {
            CompressedOffset = (long)(compressed & CompressedOffsetMask),
            CompressedSize = compressedSize,
            UncompressedOffset = (long)(uncompressed & V1UncompressedOffsetMask),
            UncompressedSize = uncompressedSize,
            Flags = compressedSize == uncompressedSize ? ChunkFlags.None : ChunkFlags.Compressed,
        };
    }

    public static void WriteV1(Span<byte> entry, in ChunkInfo chunk)
    {
        ulong uncompressedSize = (ulong)chunk.UncompressedSize - 1;
        ulong compressedSize = (ulong)chunk.CompressedSize - 1;
        BinaryPrimitives.WriteUInt64LittleEndian(
            entry, (uncompressedSize << 44) | ((uncompressedSize >> 12) & 0xf00) | (ulong)chunk.UncompressedOffset);
        BinaryPrimitives.WriteUInt64LittleEndian(
            entry[8..], (compressedSize << 44) | ((compressedSize & 0xf0_0000) << 20) | (ulong)chunk.CompressedOffset);
    }

    public static ChunkInfo ReadV2(ReadOnlySpan<byte> entry)
    {
        ulong uncompressed = BinaryPrimitives.ReadUInt64LittleEndian(entry);
        ulong compressed = BinaryPrimitives.ReadUInt64LittleEndian(entry[8..]);
        ulong data = BinaryPrimitives.ReadUInt64LittleEndian(entry[16..]);
        ulong stored = uncompressed >> 56;
        if ((stored & ~V2Known) != 0) throw new InvalidFormatException("nydus chunk info", $"a chunk with unknown flags 0x{stored:x}");
        ChunkFlags flags = ((stored & V2Compressed) != 0 ? ChunkFlags.Compressed : ChunkFlags.None) |
                           ((stored & V2Zran) != 0 ? ChunkFlags.Zran : ChunkFlags.None) |
                           ((stored & V2Batch) != 0 ? ChunkFlags.Batch : ChunkFlags.None) |
                           ((stored & V2Encrypted) != 0 ? ChunkFlags.Encrypted : ChunkFlags.None) |
                           ((stored & V2HasCrc32) != 0 ? ChunkFlags.HasCrc32 : ChunkFlags.None);
        return new ChunkInfo
        {
            CompressedOffset = (long)(compressed & CompressedOffsetMask),
            CompressedSize = (int)(compressed >> 40),
            UncompressedOffset = (long)(uint)uncompressed * Alignment,
            UncompressedSize = (int)((uncompressed >> 32) & 0xff_ffff) + 1,
            Flags = flags,
            Data = (stored & (V2Zran | V2Batch)) != 0 ? data : 0,
            Crc32 = (stored & V2HasCrc32) != 0 ? (uint)data : 0,
        };
    }

    public static void WriteV2(Span<byte> entry, in ChunkInfo chunk)
    {
        ulong stored = (chunk.Flags.Has(ChunkFlags.Compressed) ? V2Compressed : 0) |
                       (chunk.Flags.Has(ChunkFlags.Zran) ? V2Zran : 0) |
                       (chunk.Flags.Has(ChunkFlags.Batch) ? V2Batch : 0) |
                       (chunk.Flags.Has(ChunkFlags.Encrypted) ? V2Encrypted : 0);

        // One field serves as position or as checksum; the position can't be done without.
        bool positioned = (stored & (V2Zran | V2Batch)) != 0;
        if (!positioned && chunk.Flags.Has(ChunkFlags.HasCrc32)) stored |= V2HasCrc32;
        BinaryPrimitives.WriteUInt64LittleEndian(
            entry, (stored << 56) | ((ulong)(chunk.UncompressedSize - 1) << 32) | (uint)(chunk.UncompressedOffset / Alignment));
        BinaryPrimitives.WriteUInt64LittleEndian(entry[8..], ((ulong)chunk.CompressedSize << 40) | (ulong)chunk.CompressedOffset);
        BinaryPrimitives.WriteUInt64LittleEndian(entry[16..], positioned ? chunk.Data : chunk.Crc32);
    }
}
