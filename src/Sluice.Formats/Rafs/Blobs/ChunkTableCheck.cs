using Sluice.Formats.Compression;

namespace Sluice.Formats.Rafs.Blobs;

/// <summary>Decides whether a chunk table makes sense for its blob, so that decoding needs no further checks of ranges.</summary>
internal static class ChunkTableCheck
{
    /// <summary>A compressor may make an incompressible chunk a little larger, and gzip members carry a header.</summary>
    private const int MaxCompressedSize = RafsBlobLimits.MaxChunkSize + (64 << 10);

    /// <returns>The chunks; those that the table does not list stand at the end of their predecessor, so that offsets ascend.</returns>
    public static ChunkInfo[] Run(RafsBlob blob, ChunkInfoTable table)
    {
        ChunkInfo[] chunks = table.Chunks;
        if (chunks.Length > RafsBlobLimits.MaxChunks) throw new InvalidFormatException("nydus blob", $"{chunks.Length} chunks");
        if (blob.Compressor is < Compressor.None or > Compressor.Zstd)
        {
            throw new InvalidFormatException("nydus blob", $"unknown compressor {(int)blob.Compressor}");
        }

        long dataEnd = GetDataEnd(blob);
        CheckContexts(table, dataEnd);
        bool owned = false;
        long end = 0;
        for (int i = 0; i < chunks.Length; i++)
        {
            if (chunks[i].UncompressedSize == 0)
            {
                if (!owned) chunks = (ChunkInfo[])chunks.Clone();
                owned = true;
                chunks[i] = new ChunkInfo { CompressedOffset = 0, CompressedSize = 0, UncompressedOffset = end, UncompressedSize = 0 };
                continue;
            }

            CheckChunk(blob, table, chunks[i], i, end, dataEnd);
            end = chunks[i].UncompressedOffset + chunks[i].UncompressedSize;
        }

        return chunks;
    }

    /// <summary>End of the chunk data in the data blob.</summary>
    private static long GetDataEnd(RafsBlob blob)
    {
        long end = blob.CompressedSize;
        if (!blob.Features.HasFlag(BlobFeatures.Separate) && blob.ChunkInfoOffset > 0)
        {
            end = blob.ChunkInfoOffset - (blob.Features.HasFlag(BlobFeatures.HasTarHeader) ? BlobTarHeader.Size : 0);
        }

        return end is > 0 and <= RafsBlobLimits.MaxCompressedSize ? end : RafsBlobLimits.MaxCompressedSize;
    }

    private static void CheckContexts(ChunkInfoTable table, long dataEnd)
    {
        for (int i = 0; i < table.Contexts.Length; i++)
        {
            ref readonly ZranContext context = ref table.Contexts[i];
            if (context.InputOffset + context.InputLength > dataEnd)
            {
                throw new InvalidFormatException("nydus blob", $"zran context {i} reaches beyond the blob");
            }

            if (context.DictionaryOffset + context.DictionaryLength > table.Dictionaries.Length)
            {
                throw new InvalidFormatException("nydus blob", $"the dictionary of zran context {i} reaches beyond the table");
            }
        }
    }

    private static void CheckChunk(RafsBlob blob, ChunkInfoTable table, in ChunkInfo chunk, int number, long previousEnd, long dataEnd)
    {
        if (chunk.UncompressedSize is < 1 or > RafsBlobLimits.MaxChunkSize) throw Error(number, $"has {chunk.UncompressedSize} bytes");
        if (chunk.UncompressedOffset < previousEnd) throw Error(number, "overlaps its predecessor");
        long limit = blob.UncompressedSize is > 0 and < RafsBlobLimits.MaxUncompressedSize ? blob.UncompressedSize : RafsBlobLimits.MaxUncompressedSize;
        if (chunk.UncompressedOffset > limit - chunk.UncompressedSize) throw Error(number, "reaches beyond the blob space");
        if (chunk.Flags.Has(ChunkFlags.Hole)) return;
        if (chunk.Flags.Has(ChunkFlags.Encrypted) && blob.Cipher != RafsCipher.Aes128Xts) throw Error(number, "is encrypted, but the bootstrap has no key");
        if (chunk.Flags.Has(ChunkFlags.Zran)) CheckZran(table, chunk, number);
        else if (chunk.Flags.Has(ChunkFlags.Batch)) CheckBatch(table, chunk, number, dataEnd);
        else CheckPlain(chunk, number, dataEnd);
    }

    private static void CheckZran(ChunkInfoTable table, in ChunkInfo chunk, int number)
    {
        ulong context = chunk.Data >> 32;
        if (context >= (ulong)table.Contexts.Length) throw Error(number, $"is in zran context {context} of {table.Contexts.Length}");
        if ((uint)chunk.Data + (long)chunk.UncompressedSize > table.Contexts[context].OutputLength) throw Error(number, "reaches beyond its zran context");
    }

    private static void CheckBatch(ChunkInfoTable table, in ChunkInfo chunk, int number, long dataEnd)
    {
        ulong index = chunk.Data >> 32;
        if (index >= (ulong)table.Batches.Length) throw Error(number, $"is in batch {index} of {table.Batches.Length}");
        ref readonly BatchContext batch = ref table.Batches[index];
        if ((uint)chunk.Data + (long)chunk.UncompressedSize > batch.UncompressedSize) throw Error(number, "reaches beyond its batch");
        if (chunk.CompressedOffset < 0 || chunk.CompressedOffset > dataEnd - batch.CompressedSize)
        {
            throw Error(number, "is in a batch that reaches beyond the blob");
        }
    }

    private static void CheckPlain(in ChunkInfo chunk, int number, long dataEnd)
    {
        if (chunk.CompressedSize is < 1 or > MaxCompressedSize) throw Error(number, $"has {chunk.CompressedSize} compressed bytes");
        if (chunk.CompressedOffset < 0 || chunk.CompressedOffset > dataEnd - chunk.CompressedSize) throw Error(number, "reaches beyond the blob");
        if ((chunk.Flags & (ChunkFlags.Compressed | ChunkFlags.Encrypted)) == ChunkFlags.None && chunk.CompressedSize != chunk.UncompressedSize)
        {
            throw Error(number, $"is not compressed but has {chunk.CompressedSize} bytes instead of {chunk.UncompressedSize}");
        }
    }

    private static InvalidFormatException Error(int chunk, string message) => new("nydus blob", $"chunk {chunk} {message}");
}
