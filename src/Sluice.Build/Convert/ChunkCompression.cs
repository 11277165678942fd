using Sluice.Formats.Compression;

namespace Sluice.Build.Convert;

/// <summary>How chunks are compressed; one object for all threads.</summary>
/// <param name="Level">zstd level 1..19; ignored elsewhere.</param>
internal sealed record ChunkCompression(Compressor Compressor, int Level)
{
    /// <summary>
    /// What every start waits for is worth more work: a tenth less to fetch than with level 3, for 0.15 s of processor time per MB. 19 takes twice that for a hundredth more.
    /// Decompression takes no longer.
    /// </summary>
    private const int StartLevel = 15;

    public int Capacity(int chunkSize) => Compressor == Compressor.None ? 0 : ChunkCodec.MaxCompressedLength(Compressor, chunkSize);

    /// <summary>Compressed length, or -1 when the chunk is better stored as it is.</summary>
    /// <param name="isOfStart">The start needs it.</param>
    public int Compress(ReadOnlySpan<byte> plain, Span<byte> destination, bool isOfStart) =>
        ChunkCodec.Compress(Compressor, plain, destination, isOfStart && Compressor == Compressor.Zstd ? Math.Max(Level, StartLevel) : Level);
}
