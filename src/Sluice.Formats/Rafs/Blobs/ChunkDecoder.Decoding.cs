using System.Buffers;
using Sluice.Formats.Compression;

namespace Sluice.Formats.Rafs.Blobs;

public sealed partial class ChunkDecoder
{
    /// <summary>Decodes one chunk. For a batch or zran chunk this decodes what precedes it too: prefer <see cref="DecodeUnit"/> there.</summary>
    /// <param name="compressed">The bytes of <see cref="GetCompressedRange"/>.</param>
    /// <param name="destination">Exactly the chunk's uncompressed size, or longer (the rest is not touched).</param>
    /// <exception cref="InvalidFormatException">The bytes can't be decoded. What the destination holds then is undefined.</exception>
    public void Decode(int chunk, ReadOnlySpan<byte> compressed, Span<byte> destination)
    {
        ref readonly ChunkInfo info = ref _chunks[chunk];
        RequireLength(GetCompressedRange(chunk).Length, compressed);
        Span<byte> target = destination[..info.UncompressedSize];
        if ((info.Flags & (ChunkFlags.Batch | ChunkFlags.Zran)) == ChunkFlags.None)
        {
            DecodePlain(chunk, compressed, target);
            return;
        }

        byte[] output = DecodeShared(chunk, PositionOf(info) + info.UncompressedSize, compressed);
        output.AsSpan(PositionOf(info), info.UncompressedSize).CopyTo(target);
        ArrayPool<byte>.Shared.Return(output);
    }

    /// <summary>Decodes all chunks of a unit in one go.</summary>
    /// <param name="unit">Of this decoder.</param>
    /// <param name="compressed">The unit's <see cref="ChunkUnit.CompressedLength"/> bytes.</param>
    /// <param name="destination">
    /// At least <see cref="ChunkUnit.UncompressedLength"/> bytes: the image of blob space from
    /// <see cref="ChunkUnit.UncompressedOffset"/> on. Gaps between chunks are set to zero; what lies behind the unit is not touched.
    /// </param>
    /// <exception cref="InvalidFormatException">The bytes can't be decoded. What the destination holds then is undefined.</exception>
    public void DecodeUnit(in ChunkUnit unit, ReadOnlySpan<byte> compressed, Span<byte> destination)
    {
        RequireLength(unit.CompressedLength, compressed);
        Span<byte> target = destination[..unit.UncompressedLength];
        ref readonly ChunkInfo first = ref _chunks[unit.FirstChunk];
        if ((first.Flags & (ChunkFlags.Batch | ChunkFlags.Zran)) == ChunkFlags.None)
        {
            DecodePlain(unit.FirstChunk, compressed, target);
            return;
        }

        int needed = 0;
        for (int chunk = unit.FirstChunk; chunk < unit.EndChunk; chunk++)
        {
            needed = Math.Max(needed, PositionOf(_chunks[chunk]) + _chunks[chunk].UncompressedSize);
        }

        byte[] output = DecodeShared(unit.FirstChunk, needed, compressed);
        int end = 0;
        for (int chunk = unit.FirstChunk; chunk < unit.EndChunk; chunk++)
        {
            ref readonly ChunkInfo info = ref _chunks[chunk];
            int start = (int)(info.UncompressedOffset - unit.UncompressedOffset);
            target[end..start].Clear();
            output.AsSpan(PositionOf(info), info.UncompressedSize).CopyTo(target[start..]);
            end = start + info.UncompressedSize;
        }

        ArrayPool<byte>.Shared.Return(output);
    }

    private static void RequireLength(int needed, ReadOnlySpan<byte> compressed)
    {
        if (compressed.Length != needed) throw new ArgumentException($"{compressed.Length} compressed bytes instead of {needed}", nameof(compressed));
    }

    private void DecodePlain(int chunk, ReadOnlySpan<byte> compressed, Span<byte> target)
    {
        ref readonly ChunkInfo info = ref _chunks[chunk];
        if (info.UncompressedSize == 0) return;
        if (info.Flags.Has(ChunkFlags.Hole))
        {
            target.Clear();
            return;
        }

        DecodeStored(compressed, target, info.Flags.Has(ChunkFlags.Encrypted), info.Flags.Has(ChunkFlags.Compressed));
    }

    /// <summary>Decrypts and decompresses one stored piece: a chunk or a batch.</summary>
    /// <param name="compressed">
    /// Null for a batch: it is compressed unless its sizes are equal, whatever its members say. (The padding that encryption adds
    /// to less than 16 bytes doesn't count.)
    /// </param>
    private void DecodeStored(ReadOnlySpan<byte> stored, Span<byte> target, bool encrypted, bool? compressed)
    {
        byte[]? plain = null;
        try
        {
            if (encrypted)
            {
                plain = ArrayPool<byte>.Shared.Rent(stored.Length);
                stored = plain.AsSpan(0, _cipher!.Decrypt(stored, plain, compressed == false ? target.Length : -1));
            }

            bool compress = compressed ?? stored.Length != target.Length;
            ChunkCodec.Decompress(compress ? Blob.Compressor : Compressor.None, stored, target);
        }
        finally
        {
            if (plain is not null) ArrayPool<byte>.Shared.Return(plain);
        }
    }

    /// <summary>The first <paramref name="needed"/> bytes of the output of the chunk's batch or context, in a rented array.</summary>
    private byte[] DecodeShared(int chunk, int needed, ReadOnlySpan<byte> compressed)
    {
        ref readonly ChunkInfo info = ref _chunks[chunk];
        bool zran = info.Flags.Has(ChunkFlags.Zran);
        int size = zran ? needed : _table.Batches[ContextOf(info)].UncompressedSize;
        byte[] output = ArrayPool<byte>.Shared.Rent(size);
        try
        {
            if (zran)
            {
                ref readonly ZranContext context = ref _table.Contexts[ContextOf(info)];
                ReadOnlySpan<byte> dictionary = _table.Dictionaries.Span.Slice((int)context.DictionaryOffset, context.DictionaryLength);
                ZranInflater.Inflate(context, dictionary, compressed, output.AsSpan(0, size));
            }
            else
            {
                DecodeStored(compressed, output.AsSpan(0, size), info.Flags.Has(ChunkFlags.Encrypted), null);
            }

            return output;
        }
        catch
        {
            ArrayPool<byte>.Shared.Return(output);
            throw;
        }
    }
}
