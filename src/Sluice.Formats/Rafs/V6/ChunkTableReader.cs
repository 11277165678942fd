using System.Runtime.InteropServices;

namespace Sluice.Formats.Rafs.V6;

/// <summary>Turns the chunk table, which lists used chunks by digest, into one array per blob by chunk number.</summary>
internal static class ChunkTableReader
{
    /// <summary>
    /// The arrays have gaps where a blob holds chunks that the image does not use. So many slots may be gaps, and this many
    /// times the table's length: a small table with huge chunk numbers must not cost gigabytes.
    /// </summary>
    private const long FreeSlots = 1 << 20;

    private const long SlotsPerEntry = 256;

    private const ChunkFlags KnownFlags =
        ChunkFlags.Compressed | ChunkFlags.Hole | ChunkFlags.Encrypted | ChunkFlags.Batch | ChunkFlags.HasCrc32;

    /// <summary>No compressor and no padding makes a chunk larger than this.</summary>
    private const int MaxCompressedSize = 2 * RafsV6Layout.MaxChunkSize;

    public static List<ChunkInfo[]> Read(BootstrapTables tables, List<RafsBlob> blobs)
    {
        ReadOnlySpan<ChunkTableEntry> entries = MemoryMarshal.Cast<byte, ChunkTableEntry>(tables.ChunkTable);
        int[] lengths = new int[blobs.Count];
        for (int i = 0; i < entries.Length; i++)
        {
            Check(tables, entries[i], blobs, i);
            ref int length = ref lengths[entries[i].Blob];
            length = Math.Max(length, (int)entries[i].Number + 1);
        }

        if (lengths.Sum(length => (long)length) > FreeSlots + (SlotsPerEntry * entries.Length))
            throw Invalid(tables, 0, "chunk numbers far beyond the number of chunks");
        List<ChunkInfo[]> chunks = [.. lengths.Select(length => length == 0 ? [] : new ChunkInfo[length])];
        for (int i = 0; i < entries.Length; i++)
        {
            ref ChunkInfo slot = ref chunks[(int)entries[i].Blob][entries[i].Number];
            ChunkInfo chunk = ToChunk(entries[i]);

            // nydus-image 2.2 lists some chunks twice, alike.
            if (slot.UncompressedSize != 0 && slot != chunk) throw Invalid(tables, i, "a chunk is listed twice, differently");
            slot = chunk;
        }

        return chunks;
    }

    private static void Check(BootstrapTables tables, in ChunkTableEntry entry, List<RafsBlob> blobs, int index)
    {
        if (entry.Blob >= blobs.Count) throw Invalid(tables, index, "a chunk of a blob that does not exist");
        RafsBlob blob = blobs[(int)entry.Blob];
        if (entry.Number >= blob.ChunkCount) throw Invalid(tables, index, "a chunk number beyond its blob");
        if (entry.UncompressedSize == 0 || entry.UncompressedSize > tables.Extension.ChunkSize)
            throw Invalid(tables, index, $"a chunk of {entry.UncompressedSize} bytes");
        if (entry.CompressedSize > MaxCompressedSize || entry.CompressedOffset > RafsV6Layout.MaxCompressedBlobSize)
            throw Invalid(tables, index, "an absurd position of a compressed chunk");
        bool inside = entry.UncompressedOffset <= (ulong)blob.UncompressedSize
            && entry.UncompressedSize <= (ulong)blob.UncompressedSize - entry.UncompressedOffset;
        if (!inside || entry.UncompressedOffset % (ulong)tables.Image.BlockSize != 0)
            throw Invalid(tables, index, "a chunk off the blocks of its blob");
    }

    private static ChunkInfo ToChunk(in ChunkTableEntry entry) => new()
    {
        CompressedOffset = (long)entry.CompressedOffset,
        CompressedSize = (int)entry.CompressedSize,
        UncompressedOffset = (long)entry.UncompressedOffset,
        UncompressedSize = (int)entry.UncompressedSize,
        Flags = entry.Flags & KnownFlags,
        Crc32 = entry.Crc32,
        Digest = entry.Digest,
    };

    private static InvalidFormatException Invalid(BootstrapTables tables, int index, string message) =>
        tables.Image.Invalid(message, (long)tables.Extension.ChunkTableOffset + ((long)index * ChunkTableEntry.Size));
}
