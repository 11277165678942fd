using System.Buffers.Binary;
using Sluice.Formats.Compression;

namespace Sluice.Formats.Rafs.Blobs;

/// <summary>The 4096 bytes behind a chunk-info array that describe it.</summary>
/// <remarks>
/// <code>
/// 0     4  magic 0xB10BB10B
/// 4     4  features
/// 8     4  compressor of the array
/// 12    4  chunks
/// 16    8  offset of the array in the blob
/// 24    8  stored size of the array
/// 32    8  uncompressed size of the array with contexts and dictionaries
/// 40    8  offset of the contexts in the uncompressed array
/// 48    8  bytes of contexts and dictionaries
/// 56    4  contexts
/// 4092  4  magic again
/// </code>
/// </remarks>
public sealed record ChunkInfoHeader
{
    public const int Size = 4096;

    private const uint Magic = 0xB10BB10B;

    /// <summary>As the builder saw them: <see cref="BlobFeatures.InlinedFsMeta"/> differs from the blob table after a merge.</summary>
    public BlobFeatures Features { get; init; }

    public Compressor Compressor { get; init; }

    public int ChunkCount { get; init; }

    public long Offset { get; init; }

    public long CompressedSize { get; init; }

    public long UncompressedSize { get; init; }

    public long ContextOffset { get; init; }

    public long ContextSize { get; init; }

    public int ContextCount { get; init; }

    internal int EntrySize => Features.HasFlag(BlobFeatures.ChunkInfoV2) ? ChunkInfoLayout.V2Size : ChunkInfoLayout.V1Size;

    internal bool HasContexts => (Features & (BlobFeatures.Batch | BlobFeatures.Zran)) != BlobFeatures.None;

    /// <param name="header">Exactly 4096 bytes, decrypted.</param>
    /// <exception cref="InvalidFormatException">No header, or its sizes contradict each other.</exception>
    public static ChunkInfoHeader Read(ReadOnlySpan<byte> header)
    {
        if (header.Length != Size || ReadUInt32(header, 0) != Magic || ReadUInt32(header, Size - 4) != Magic)
        {
            throw new InvalidFormatException("nydus chunk info", "no header: the magic number is missing");
        }

        uint compressor = ReadUInt32(header, 8);
        if (compressor > (uint)Compressor.Zstd) throw new InvalidFormatException("nydus chunk info", $"unknown compressor {compressor}");
        uint chunks = ReadUInt32(header, 12);
        uint contexts = ReadUInt32(header, 56);
        if (chunks > RafsBlobLimits.MaxChunks || contexts > chunks)
        {
            throw new InvalidFormatException("nydus chunk info", $"{chunks} chunks and {contexts} contexts");
        }

        var result = new ChunkInfoHeader
        {
            Features = (BlobFeatures)ReadUInt32(header, 4),
            Compressor = (Compressor)compressor,
            ChunkCount = (int)chunks,
            Offset = ReadSize(header, 16, RafsBlobLimits.MaxCompressedSize),
            CompressedSize = ReadSize(header, 24, RafsBlobLimits.MaxMetadataSize),
            UncompressedSize = ReadSize(header, 32, RafsBlobLimits.MaxMetadataSize),
            ContextOffset = ReadSize(header, 40, RafsBlobLimits.MaxMetadataSize),
            ContextSize = ReadSize(header, 48, RafsBlobLimits.MaxMetadataSize),
            ContextCount = (int)contexts,
        };
        result.Check();
        return result;
    }

    /// <summary>Writes the 4096 bytes.</summary>
    public void Write(Span<byte> header)
    {
        header[..Size].Clear();
        BinaryPrimitives.WriteUInt32LittleEndian(header, Magic);
        BinaryPrimitives.WriteUInt32LittleEndian(header[4..], (uint)Features);
        BinaryPrimitives.WriteInt32LittleEndian(header[8..], (int)Compressor);
        BinaryPrimitives.WriteInt32LittleEndian(header[12..], ChunkCount);
        BinaryPrimitives.WriteInt64LittleEndian(header[16..], Offset);
        BinaryPrimitives.WriteInt64LittleEndian(header[24..], CompressedSize);
        BinaryPrimitives.WriteInt64LittleEndian(header[32..], UncompressedSize);
        BinaryPrimitives.WriteInt64LittleEndian(header[40..], ContextOffset);
        BinaryPrimitives.WriteInt64LittleEndian(header[48..], ContextSize);
        BinaryPrimitives.WriteInt32LittleEndian(header[56..], ContextCount);
        BinaryPrimitives.WriteUInt32LittleEndian(header[(Size - 4)..], Magic);
    }

    /// <summary>The header must say what the blob table of the bootstrap says; features are not compared.</summary>
    internal void CheckAgainst(RafsBlob blob)
    {
        if (ChunkCount != blob.ChunkCount || Compressor != blob.ChunkInfoCompressor || Offset != blob.ChunkInfoOffset ||
            CompressedSize != blob.ChunkInfoCompressedSize || UncompressedSize != blob.ChunkInfoUncompressedSize)
        {
            throw new InvalidFormatException("nydus chunk info", $"the header of blob {blob.Id} contradicts the bootstrap");
        }
    }

    private void Check()
    {
        long array = (long)ChunkCount * EntrySize;
        if (HasContexts && !Features.HasFlag(BlobFeatures.ChunkInfoV2)) throw Contradiction("contexts without V2 entries");
        if (Features.HasFlag(BlobFeatures.Batch) && Features.HasFlag(BlobFeatures.Zran)) throw Contradiction("both batch and zran contexts");
        if (CompressedSize > UncompressedSize) throw Contradiction("the array grows by compression");
        if (!HasContexts)
        {
            if (UncompressedSize != array) throw Contradiction($"an array of {UncompressedSize} bytes for {ChunkCount} chunks");
            return;
        }

        long minimum = Features.HasFlag(BlobFeatures.Batch) ? BatchContext.Size : ZranContext.Size;
        if (ContextOffset != array || ContextSize < ContextCount * minimum || ContextOffset + ContextSize != UncompressedSize)
        {
            throw Contradiction($"{ContextCount} contexts of {ContextSize} bytes at {ContextOffset} in an array of {UncompressedSize}");
        }
    }

    private static uint ReadUInt32(ReadOnlySpan<byte> header, int offset) => BinaryPrimitives.ReadUInt32LittleEndian(header[offset..]);

    private static long ReadSize(ReadOnlySpan<byte> header, int offset, long limit)
    {
        ulong value = BinaryPrimitives.ReadUInt64LittleEndian(header[offset..]);
        return value <= (ulong)limit ? (long)value : throw new InvalidFormatException("nydus chunk info", $"a size of {value}", offset);
    }

    private static InvalidFormatException Contradiction(string message) => new("nydus chunk info", message);
}
