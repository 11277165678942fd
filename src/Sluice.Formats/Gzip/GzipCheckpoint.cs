namespace Sluice.Formats.Gzip;

/// <summary>A place in a gzip file at which decoding can start: the beginning of a deflate block.</summary>
/// <param name="Position">Uncompressed bytes before it.</param>
/// <param name="CompressedPosition">Bytes of the gzip file before the first whole byte of the block.</param>
/// <param name="Bits">0 to 7: bits of the byte before that position that belong to the block, its highest ones.</param>
/// <param name="Window">
/// The output before it, at most 32 KiB; empty if it is not needed. What overlaybd writes for the first checkpoint is a window of zeros.
/// </param>
public sealed record GzipCheckpoint(long Position, long CompressedPosition, int Bits, ReadOnlyMemory<byte> Window);
