using System.Runtime.InteropServices;
using Sluice.Formats.Compression;
using Sluice.Formats.Erofs;
using Sluice.Formats.Hashing;

namespace Sluice.Formats.Rafs.V6;

/// <summary>Reads device slots and blob table, with nydusd's checks. Ids are letters and digits: they end up in paths and URLs.</summary>
internal static class BlobTableReader
{
    private const int ChunkInfoSizeV1 = 16;
    private const int ChunkInfoSizeV2 = 24;
    private const BlobFeatures NeedV2 = BlobFeatures.Batch | BlobFeatures.Zran | BlobFeatures.Encrypted;

    public static List<RafsBlob> Read(BootstrapTables tables)
    {
        var blobs = new List<RafsBlob>(tables.BlobCount);
        var ids = new HashSet<string>(StringComparer.Ordinal);
        for (int i = 0; i < tables.BlobCount; i++)
        {
            ReadOnlySpan<byte> bytes = tables.BlobTable.Slice(i * BlobTableEntry.Size, BlobTableEntry.Size);
            ReadOnlySpan<byte> slot = tables.DeviceTable.Slice(i * ErofsLayout.DeviceSlotSize, ErofsLayout.DeviceSlotSize);
            long offset = (long)tables.Extension.BlobTableOffset + (i * BlobTableEntry.Size);
            var entry = MemoryMarshal.Read<BlobTableEntry>(bytes);
            Check(entry, bytes, tables, i, offset);
            CheckSlot(slot, bytes, tables, i);
            long mapped = (long)MemoryMarshal.Read<uint>(slot[68..]) * tables.Image.BlockSize;
            RafsBlob blob = BlobTable.Read(entry, bytes, mapped);
            if (!ids.Add(blob.Id)) throw tables.Image.Invalid($"blob {blob.Id} is listed twice", offset);
            blobs.Add(blob);
        }

        return blobs;
    }

    private static void CheckSlot(ReadOnlySpan<byte> slot, ReadOnlySpan<byte> entry, BootstrapTables tables, int index)
    {
        long offset = RafsV6Layout.DeviceTableOffset + (index * ErofsLayout.DeviceSlotSize);
        if (!slot[..RafsV6Layout.BlobIdLength].SequenceEqual(entry[..RafsV6Layout.BlobIdLength]))
            throw tables.Image.Invalid("device and blob table name different blobs", offset);
        if (MemoryMarshal.Read<uint>(slot[64..]) == 0) throw tables.Image.Invalid("a device without blocks", offset + 64);
    }

    private static void Check(in BlobTableEntry entry, ReadOnlySpan<byte> bytes, BootstrapTables tables, int index, long offset)
    {
        foreach (byte digit in bytes[..RafsV6Layout.BlobIdLength]) Demand(char.IsAsciiLetterOrDigit((char)digit), "a blob id that is none", 0);
        Demand(entry.Index == index, "blobs out of order", 64);
        Demand(entry.ChunkSize == tables.Extension.ChunkSize, "a blob with another chunk size", 68);
        Demand(entry.ChunkCount <= RafsV6Layout.MaxChunksPerBlob, "more than 2^24 chunks", 72);
        Demand(entry.Compressor is >= Compressor.None and <= Compressor.Zstd, "an unknown compressor", 76);
        Demand(entry.Digester is DigestAlgorithm.Blake3 or DigestAlgorithm.Sha256, "an unknown digester", 80);
        Demand(entry.ChunkInfoCompressor is >= Compressor.None and <= Compressor.Zstd, "an unknown compressor", 108);
        Demand(entry.CompressedSize <= RafsV6Layout.MaxCompressedBlobSize, "an absurd blob size", 88);
        Demand(entry.UncompressedSize <= RafsV6Layout.MaxUncompressedBlobSize, "an absurd blob size", 96);
        Demand(entry.TocSize <= int.MaxValue, "an absurd TOC size", 104);
        Demand(entry.Cipher is >= RafsCipher.None and <= RafsCipher.Aes256Gcm, "an unknown cipher", 216);
        Demand(entry.Cipher != RafsCipher.None || entry.MetaSize <= long.MaxValue, "an absurd meta blob size", 200);
        Demand(entry.Features.HasFlag(BlobFeatures.Aligned) != tables.IsTarfs, "the ALIGNED bit where it does not belong", 84);
        Demand(entry.ChunkInfoOffset <= RafsV6Layout.MaxCompressedBlobSize, "an absurd chunk-info offset", 112);
        Demand(entry.ChunkInfoUncompressedSize <= int.MaxValue, "an absurd chunk-info size", 128);
        Demand(entry.ChunkInfoCompressedSize <= entry.ChunkInfoUncompressedSize, "chunk-info data that grow by compression", 120);
        CheckChunkInfo(entry, tables.IsTarfs, Demand);

        void Demand(bool holds, string otherwise, int field)
        {
            if (!holds) throw tables.Image.Invalid(otherwise, offset + field);
        }
    }

    /// <summary>The chunk-info array holds exactly one record per chunk; with contexts behind it, at least that.</summary>
    private static void CheckChunkInfo(in BlobTableEntry entry, bool tarfs, Action<bool, string, int> demand)
    {
        bool needsV2 = (entry.Features & NeedV2) != BlobFeatures.None;
        if (entry.Features.HasFlag(BlobFeatures.ChunkInfoV2))
        {
            ulong records = (ulong)entry.ChunkCount * ChunkInfoSizeV2;
            bool fits = needsV2 ? entry.ChunkInfoUncompressedSize >= records : entry.ChunkInfoUncompressedSize == records;
            demand(fits, "chunk-info data that do not fit the chunk count", 128);
            return;
        }

        demand(!needsV2, "features that need chunk-info V2", 84);
        if (tarfs || entry.Features.HasFlag(BlobFeatures.IsChunkDictGenerated)) return;
        demand(entry.ChunkInfoUncompressedSize == (ulong)entry.ChunkCount * ChunkInfoSizeV1, "chunk-info data that do not fit the chunk count", 128);
    }
}
