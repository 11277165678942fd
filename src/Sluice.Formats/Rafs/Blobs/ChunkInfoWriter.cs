using Sluice.Formats.Compression;

namespace Sluice.Formats.Rafs.Blobs;

/// <summary>Writes chunk-info arrays; the counterpart of <see cref="ChunkInfoReader"/>.</summary>
public static class ChunkInfoWriter
{
    /// <summary>The uncompressed array: entries, then contexts, then dictionaries. V2 if the features say so, else V1.</summary>
    /// <exception cref="ArgumentException">A chunk is out of the format's range.</exception>
    public static byte[] WriteArray(ChunkInfoTable table)
    {
        ArgumentNullException.ThrowIfNull(table);
        bool v2 = table.Features.HasFlag(BlobFeatures.ChunkInfoV2);
        int size = v2 ? ChunkInfoLayout.V2Size : ChunkInfoLayout.V1Size;
        byte[] array = new byte[GetArraySize(table)];
        Span<byte> rest = array;
        for (int i = 0; i < table.Chunks.Length; i++, rest = rest[size..])
        {
            ref readonly ChunkInfo chunk = ref table.Chunks[i];
            Check(chunk, v2, i);
            if (v2) ChunkInfoLayout.WriteV2(rest, chunk);
            else ChunkInfoLayout.WriteV1(rest, chunk);
        }

        foreach (BatchContext batch in table.Batches)
        {
            batch.Write(rest);
            rest = rest[BatchContext.Size..];
        }

        foreach (ZranContext context in table.Contexts)
        {
            context.Write(rest);
            rest = rest[ZranContext.Size..];
        }

        table.Dictionaries.Span.CopyTo(rest);
        return array;
    }

    /// <summary>The file-cache form: the uncompressed array padded to 4096 bytes, then the header.</summary>
    public static byte[] WriteCacheFile(ChunkInfoHeader header, ReadOnlySpan<byte> array)
    {
        ArgumentNullException.ThrowIfNull(header);
        int padded = (array.Length + ChunkInfoHeader.Size - 1) / ChunkInfoHeader.Size * ChunkInfoHeader.Size;
        byte[] file = new byte[padded + ChunkInfoHeader.Size];
        array.CopyTo(file);
        header.Write(file.AsSpan(padded));
        return file;
    }

    /// <summary>The stored array (compressed where that makes it smaller) and its header.</summary>
    /// <param name="offset">Where the array will stand in the blob.</param>
    internal static (byte[] Stored, ChunkInfoHeader Header) Pack(ChunkInfoTable table, ReadOnlySpan<byte> array, Compressor compressor, long offset)
    {
        (byte[] stored, Compressor used) = BlobMetadataCodec.Compress(compressor, array);
        int contexts = table.Batches.Length + table.Contexts.Length;
        int contextOffset = table.Chunks.Length * ChunkInfoLayout.V2Size;
        bool hasContexts = (table.Features & (BlobFeatures.Batch | BlobFeatures.Zran)) != BlobFeatures.None;
        var header = new ChunkInfoHeader
        {
            Features = table.Features,
            Compressor = used,
            ChunkCount = table.Chunks.Length,
            Offset = offset,
            CompressedSize = stored.Length,
            UncompressedSize = array.Length,
            ContextOffset = hasContexts ? contextOffset : 0,
            ContextSize = hasContexts ? array.Length - contextOffset : 0,
            ContextCount = contexts,
        };
        return (stored, header);
    }

    private static int GetArraySize(ChunkInfoTable table)
    {
        bool v2 = table.Features.HasFlag(BlobFeatures.ChunkInfoV2);
        if (table.Chunks.Length > RafsBlobLimits.MaxChunks) throw new ArgumentException("more than 2^24 chunks", nameof(table));
        if (!v2 && table.Batches.Length + table.Contexts.Length > 0) throw new ArgumentException("contexts need V2", nameof(table));
        long size = ((long)table.Chunks.Length * (v2 ? ChunkInfoLayout.V2Size : ChunkInfoLayout.V1Size)) +
                    ((long)table.Batches.Length * BatchContext.Size) + ((long)table.Contexts.Length * ZranContext.Size) +
                    table.Dictionaries.Length;
        return size <= RafsBlobLimits.MaxMetadataSize ? (int)size : throw new ArgumentException("more than 1 GiB", nameof(table));
    }

    private static void Check(in ChunkInfo chunk, bool v2, int number)
    {
        // V1 stores the compressed size minus one, V2 as it is in the same 24 bits.
        int smallest = v2 ? 0 : 1;
        int largest = v2 ? RafsBlobLimits.MaxChunkSize - 1 : RafsBlobLimits.MaxChunkSize;
        if (chunk.UncompressedSize is < 1 or > RafsBlobLimits.MaxChunkSize || chunk.UncompressedOffset is < 0 or >= RafsBlobLimits.MaxUncompressedSize ||
            chunk.UncompressedOffset % ChunkInfoLayout.Alignment != 0 || chunk.CompressedSize < smallest || chunk.CompressedSize > largest ||
            chunk.CompressedOffset is < 0 or >= RafsBlobLimits.MaxCompressedSize)
        {
            throw new ArgumentException($"chunk {number} does not fit the format: {chunk}", nameof(chunk));
        }
    }
}
