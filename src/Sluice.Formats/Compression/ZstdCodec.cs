namespace Sluice.Formats.Compression;

internal static unsafe class ZstdCodec
{
    private const string Format = "zstd frame";
    private const int UsualLevel = 3;

    private static readonly ContextPool<ZstdContext> Compressors = new(ZstdContext.ForCompression);
    private static readonly ContextPool<ZstdContext> Decompressors = new(ZstdContext.ForDecompression);

    public static int Compress(ReadOnlySpan<byte> source, Span<byte> destination, int level)
    {
        ZstdContext context = Compressors.Rent();
        fixed (byte* from = source, to = destination)
        {
            nuint written = ZstdLibrary.Compress(
                context.Handle, to, (nuint)destination.Length, from, (nuint)source.Length, level == ChunkCodec.DefaultLevel ? UsualLevel : level);
            Compressors.Return(context);
            return ZstdLibrary.IsError(written) ? -1 : (int)written;
        }
    }

    /// <summary>The destination is the window: a frame that asks for a huge one costs nothing.</summary>
    public static void Decompress(ReadOnlySpan<byte> source, Span<byte> destination)
    {
        fixed (byte* from = source, to = destination)
        {
            nuint size = ZstdLibrary.FindFrameSize(from, (nuint)source.Length);
            Check(size);
            if (size != (nuint)source.Length) throw new InvalidFormatException(Format, "other bytes follow it", (long)size);
            ZstdContext context = Decompressors.Rent();
            nuint written = ZstdLibrary.Decompress(context.Handle, to, (nuint)destination.Length, from, (nuint)source.Length);
            Decompressors.Return(context);
            Check(written);
            ChunkCodec.CheckLength(Format, (long)written, destination.Length);
        }
    }

    private static void Check(nuint result)
    {
        if (ZstdLibrary.IsError(result)) throw new InvalidFormatException(Format, ZstdLibrary.ErrorName(result));
    }
}
