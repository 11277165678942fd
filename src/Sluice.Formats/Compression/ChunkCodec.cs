namespace Sluice.Formats.Compression;

/// <summary>
/// Compresses and decompresses single chunks in memory: <see cref="Compressor.Lz4Block"/> is a raw LZ4 block without a
/// size, <see cref="Compressor.Zstd"/> exactly one frame, <see cref="Compressor.Gzip"/> whole gzip members.
/// </summary>
/// <remarks>
/// Safe to call concurrently; native contexts are pooled and no call allocates managed memory. The output of one version
/// of a library depends on nothing but the input and the level.
/// </remarks>
public static class ChunkCodec
{
    /// <summary>Asks for the usual level of the codec: zstd 3, gzip 6, fast LZ4.</summary>
    public const int DefaultLevel = 0;

    /// <summary>The largest input of one call, in bytes: LZ4's limit, for all codecs.</summary>
    public const int MaxLength = 0x7E000000;

    /// <summary>Room in bytes for the compressed form of any <paramref name="length"/> bytes.</summary>
    public static int MaxCompressedLength(Compressor compressor, int length)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(length);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(length, MaxLength);
        return compressor switch
        {
            Compressor.None => length,
            Compressor.Lz4Block => length + (length / 255) + 16,
            Compressor.Zstd => length + (length >> 8) + (length < 128 << 10 ? ((128 << 10) - length) >> 11 : 0),
            Compressor.Gzip => length + (length >> 12) + (length >> 14) + (length >> 25) + 13 + 18,
            _ => throw Unknown(compressor),
        };
    }

    /// <summary>Compresses a chunk.</summary>
    /// <param name="destination">
    /// Should have room for <see cref="MaxCompressedLength"/>: codecs need some slack, so that less room may give -1 although the
    /// result would fit.
    /// </param>
    /// <param name="level">As the codec numbers them; <see cref="DefaultLevel"/> is the default. LZ4 from 2 on is LZ4 HC.</param>
    /// <returns>Bytes written, or -1 when the result does not fit or is not smaller than the source: store the chunk as it is.</returns>
    /// <exception cref="SluiceException">The codec's library is missing.</exception>
    public static int Compress(Compressor compressor, ReadOnlySpan<byte> source, Span<byte> destination, int level = DefaultLevel)
    {
        if (compressor == Compressor.None) return -1;
        int written = CompressAlways(compressor, source, destination, level);
        return written < source.Length ? written : -1;
    }

    /// <summary>As <see cref="Compress"/>, for formats that can't store a chunk as it is: the result may be larger than the source.</summary>
    /// <returns>Bytes written, or -1 when the source is empty or the result does not fit.</returns>
    /// <exception cref="SluiceException">The codec's library is missing.</exception>
    public static int CompressAlways(Compressor compressor, ReadOnlySpan<byte> source, Span<byte> destination, int level = DefaultLevel)
    {
        if (source.Length > MaxLength) throw new ArgumentException("longer than the limit", nameof(source));
        if (source.IsEmpty) return -1;
        try
        {
            return compressor switch
            {
                Compressor.Lz4Block => Lz4Codec.Compress(source, destination, level),
                Compressor.Zstd => ZstdCodec.Compress(source, destination, level),
                Compressor.Gzip => GzipCodec.Compress(source, destination, level),
                _ => throw Unknown(compressor),
            };
        }
        catch (Exception e) when (NativeCodec.IsMissing(e))
        {
            throw NativeCodec.Missing(compressor, e);
        }
    }

    /// <summary>Decompresses a chunk; all of <paramref name="source"/> must give exactly all of <paramref name="destination"/>.</summary>
    /// <exception cref="InvalidFormatException">The source is corrupt, or holds another number of bytes. The destination is then undefined.</exception>
    /// <exception cref="SluiceException">The codec's library is missing.</exception>
    public static void Decompress(Compressor compressor, ReadOnlySpan<byte> source, Span<byte> destination)
    {
        try
        {
            switch (compressor)
            {
                case Compressor.None:
                    CheckLength("chunk", source.Length, destination.Length);
                    source.CopyTo(destination);
                    break;
                case Compressor.Lz4Block:
                    Lz4Codec.Decompress(source, destination);
                    break;
                case Compressor.Zstd:
                    ZstdCodec.Decompress(source, destination);
                    break;
                case Compressor.Gzip:
                    GzipCodec.Decompress(source, destination);
                    break;
                default:
                    throw Unknown(compressor);
            }
        }
        catch (Exception e) when (NativeCodec.IsMissing(e))
        {
            throw NativeCodec.Missing(compressor, e);
        }
    }

    internal static void CheckLength(string format, long actual, int expected)
    {
        if (actual != expected) throw new InvalidFormatException(format, $"it holds {actual} bytes instead of {expected}");
    }

    private static ArgumentOutOfRangeException Unknown(Compressor compressor) => new(nameof(compressor), compressor, "not a compressor");
}
