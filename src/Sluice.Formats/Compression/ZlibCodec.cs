namespace Sluice.Formats.Compression;

/// <summary>The zlib format (RFC 1950) in memory, as OverlayBD's gzip index uses it for its tables.</summary>
internal static unsafe class ZlibCodec
{
    private const string Format = "zlib stream";
    private const int Window = 15;

    private static readonly ContextPool<ZlibContext> Deflaters = new(() => ZlibContext.ForDeflate(Window));
    private static readonly ContextPool<ZlibContext> Inflaters = new(() => ZlibContext.ForInflate(Window));

    /// <summary>Compresses at the usual level.</summary>
    /// <exception cref="SluiceException">libz is missing.</exception>
    public static byte[] Compress(ReadOnlySpan<byte> source)
    {
        byte[] destination = new byte[ChunkCodec.MaxCompressedLength(Compressor.Gzip, source.Length)];
        ZlibContext context = Rent(Deflaters);
        context.Reset(Window);
        int result = Run(context, source, destination, deflate: true, out _, out int written);
        Deflaters.Return(context);
        if (result != ZlibLibrary.StreamEnd) throw new InvalidOperationException("the bound of deflate does not hold");
        return destination[..written];
    }

    /// <summary>Decompresses exactly one stream that fills at most <paramref name="destination"/>.</summary>
    /// <returns>Bytes written.</returns>
    /// <exception cref="InvalidFormatException">The stream is corrupt, cut off, longer than the destination, or other bytes follow it.</exception>
    /// <exception cref="SluiceException">libz is missing.</exception>
    public static int Decompress(ReadOnlySpan<byte> source, Span<byte> destination)
    {
        ZlibContext context = Rent(Inflaters);
        try
        {
            context.Reset(Window);
            int result = Run(context, source, destination, deflate: false, out int left, out int written);
            if (result == ZlibLibrary.StreamEnd && left == 0) return written;
            throw new InvalidFormatException(Format, result switch
            {
                ZlibLibrary.StreamEnd => "other bytes follow it",
                ZlibLibrary.Ok or ZlibLibrary.BufferError => $"it is cut off or holds more than {destination.Length} bytes",
                _ => context.Message(result),
            });
        }
        finally
        {
            Inflaters.Return(context);
        }
    }

    private static int Run(ZlibContext context, ReadOnlySpan<byte> source, Span<byte> destination, bool deflate, out int left, out int written)
    {
        ZlibLibrary.ZStream* stream = context.Stream;
        byte none = 0;
        fixed (byte* from = source, to = destination)
        {
            stream->NextIn = from is null ? &none : from;
            stream->AvailableIn = (uint)source.Length;
            stream->NextOut = to is null ? &none : to;
            stream->AvailableOut = (uint)destination.Length;
            int result = deflate ? ZlibLibrary.Deflate(stream, ZlibLibrary.Finish) : ZlibLibrary.Inflate(stream, ZlibLibrary.Finish);
            left = (int)stream->AvailableIn;
            written = destination.Length - (int)stream->AvailableOut;
            return result;
        }
    }

    private static ZlibContext Rent(ContextPool<ZlibContext> pool)
    {
        try
        {
            return pool.Rent();
        }
        catch (Exception e) when (NativeCodec.IsMissing(e))
        {
            throw NativeCodec.Missing(Compressor.Gzip, e);
        }
    }
}
