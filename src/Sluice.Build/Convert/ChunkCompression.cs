using Sluice.Formats.Compression;

namespace Sluice.Build.Convert;

/// <summary>How chunks are compressed; one object for all threads.</summary>
/// <param name="Level">zstd level 1..19; ignored elsewhere.</param>
internal sealed record ChunkCompression(Compressor Compressor, int Level)
{
    public int Capacity(int chunkSize) => Compressor == Compressor.None ? 0 : ChunkCodec.MaxCompressedLength(Compressor, chunkSize);

    /// <summary>Compressed length, or -1 when the chunk is better stored as it is.</summary>
    public int Compress(ReadOnlySpan<byte> plain, Span<byte> destination)
    {
        if (Compressor == Compressor.None) return -1;
        int length = ChunkCodec.Compress(Compressor, plain, destination, Level);
        return length >= plain.Length ? -1 : length;
    }
}
