using Sluice.Formats.Compression;

namespace Sluice.Formats.Gzip;

/// <summary>A place in a gzip file at which decoding can start: the beginning of a deflate block.</summary>
/// <param name="Position">Uncompressed bytes before it.</param>
/// <param name="CompressedPosition">Bytes of the gzip file before the first whole byte of the block.</param>
/// <param name="Bits">0 to 7: bits of the byte before that position that belong to the block, its highest ones.</param>
/// <param name="StoredWindow">
/// The output before it, at most 32 KiB, as the index stores it (<see cref="GzipIndex.ReadWindow"/>). Overlaybd gives the first checkpoint a
/// window of zeros.
/// </param>
public sealed record GzipCheckpoint(long Position, long CompressedPosition, int Bits, ReadOnlyMemory<byte> StoredWindow)
{
    /// <summary>A checkpoint for an index whose windows are compressed.</summary>
    /// <param name="window">The output before it, at most 32 KiB; empty at the start.</param>
    public static GzipCheckpoint Create(long position, long compressedPosition, int bits, ReadOnlySpan<byte> window)
    {
        if (window.Length > RawInflater.WindowSize) throw new ArgumentException("longer than 32 KiB", nameof(window));
        return new GzipCheckpoint(position, compressedPosition, bits, window.IsEmpty ? default : ZlibCodec.Compress(window));
    }
}
