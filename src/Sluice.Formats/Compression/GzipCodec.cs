namespace Sluice.Formats.Compression;

internal static unsafe class GzipCodec
{
    private const string Format = "gzip member";

    private static readonly ContextPool<ZlibContext> Deflaters = new(() => ZlibContext.ForDeflate(ZlibLibrary.GzipWindow));
    private static readonly ContextPool<ZlibContext> Inflaters = new(() => ZlibContext.ForInflate(ZlibLibrary.GzipWindow));

    /// <summary>One member without a name and with time 0, as libz writes it.</summary>
    public static int Compress(ReadOnlySpan<byte> source, Span<byte> destination, int level)
    {
        ZlibContext context = Deflaters.Rent();
        ZlibLibrary.ZStream* stream = context.Stream;
        fixed (byte* from = source, to = destination)
        {
            context.Reset(ZlibLibrary.GzipWindow);
            stream->NextIn = null;
            stream->AvailableIn = 0;
            int set = ZlibLibrary.DeflateParams(stream, level == ChunkCodec.DefaultLevel ? ZlibContext.UsualLevel : level, strategy: 0);
            if (set != ZlibLibrary.Ok) throw new ArgumentOutOfRangeException(nameof(level), level, "not a level of gzip");
            stream->NextIn = from;
            stream->AvailableIn = (uint)source.Length;
            stream->NextOut = to;
            stream->AvailableOut = (uint)destination.Length;
            int result = ZlibLibrary.Deflate(stream, ZlibLibrary.Finish);
            int written = destination.Length - (int)stream->AvailableOut;
            Deflaters.Return(context);
            return result == ZlibLibrary.StreamEnd ? written : -1;
        }
    }

    public static void Decompress(ReadOnlySpan<byte> source, Span<byte> destination)
    {
        ZlibContext context = Inflaters.Rent();
        try
        {
            Inflate(context, source, destination);
        }
        finally
        {
            Inflaters.Return(context);
        }
    }

    private static void Inflate(ZlibContext context, ReadOnlySpan<byte> source, Span<byte> destination)
    {
        ZlibLibrary.ZStream* stream = context.Stream;
        byte none = 0;
        fixed (byte* from = source, to = destination)
        {
            stream->NextIn = from;
            stream->AvailableIn = (uint)source.Length;
            stream->NextOut = to is null ? &none : to;
            stream->AvailableOut = (uint)destination.Length;
            do
            {
                context.Reset(ZlibLibrary.GzipWindow);
                int result = ZlibLibrary.Inflate(stream, ZlibLibrary.Finish);
                if (result == ZlibLibrary.StreamEnd) continue;
                long offset = source.Length - (long)stream->AvailableIn;
                if (result is not (ZlibLibrary.BufferError or ZlibLibrary.Ok)) throw new InvalidFormatException(Format, context.Message(result), offset);
                throw new InvalidFormatException(
                    Format, stream->AvailableOut == 0 ? $"it holds more than {destination.Length} bytes" : "it ends too early", offset);
            }
            while (stream->AvailableIn > 0);

            ChunkCodec.CheckLength(Format, destination.Length - (long)stream->AvailableOut, destination.Length);
        }
    }
}
