namespace Sluice.Formats.Compression;

internal static unsafe class Lz4Codec
{
    private const string Format = "lz4 block";

    public static int Compress(ReadOnlySpan<byte> source, Span<byte> destination, int level)
    {
        fixed (byte* from = source, to = destination)
        {
            int written = level < 2
                ? Lz4Library.Compress(from, to, source.Length, destination.Length)
                : Lz4Library.CompressHigh(from, to, source.Length, destination.Length, level);
            return written > 0 ? written : -1;
        }
    }

    public static void Decompress(ReadOnlySpan<byte> source, Span<byte> destination)
    {
        if (source.IsEmpty) throw new InvalidFormatException(Format, "it is empty");
        byte none = 0;
        fixed (byte* from = source, to = destination)
        {
            int written = Lz4Library.Decompress(from, to is null ? &none : to, source.Length, destination.Length);
            if (written < 0) throw new InvalidFormatException(Format, $"it is corrupt or holds more than {destination.Length} bytes", -(long)written - 1);
            ChunkCodec.CheckLength(Format, written, destination.Length);
        }
    }
}
