using Sluice.Formats.OverlayBd.Lsmt;
using Sluice.Formats.OverlayBd.ZFile;

namespace Sluice.Formats.OverlayBd;

/// <summary>
/// A block layer as its blob holds it: an LSMT file, in a ZFile or plain, in a tar or bare. Says which bytes of the blob hold which bytes of
/// the LSMT file. Made by <see cref="BlockLayerTail"/>; immutable and safe for concurrent use until it is disposed.
/// </summary>
public sealed class BlockLayer : IDisposable
{
    /// <summary>Bytes from the start of the blob to the ZFile or LSMT file: 0, 512 or 1536.</summary>
    public required int PayloadOffset { get; init; }

    /// <summary>The blocks of the ZFile; null if the LSMT file is stored plainly.</summary>
    public required ZFileIndex? ZFile { get; init; }

    /// <summary>Bytes of the LSMT file, uncompressed.</summary>
    public required long Length { get; init; }

    public required LsmtHeader Trailer { get; init; }

    /// <summary>In order of the device; mapped sectors are sectors of the LSMT file.</summary>
    public required LsmtExtent[] Extents { get; init; }

    /// <summary>The part of the blob that has to be read for a part of the LSMT file: whole blocks, if it is compressed.</summary>
    /// <param name="position">Bytes from the start of the LSMT file.</param>
    /// <param name="length">At least 1; the end must not exceed <see cref="Length"/>.</param>
    public BlockLayerRange Locate(long position, long length)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(length);
        ArgumentOutOfRangeException.ThrowIfNegative(position);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(length, Length - position);
        if (ZFile is null) return new BlockLayerRange(PayloadOffset + position, length, 0, 0);
        ZFileBlock first = ZFile.GetBlock(ZFile.GetBlockNumber(position));
        ZFileBlock last = ZFile.GetBlock(ZFile.GetBlockNumber(position + length - 1));
        return new BlockLayerRange(PayloadOffset + first.StoredOffset, last.StoredEnd - first.StoredOffset, first.Number, last.Number - first.Number + 1);
    }

    public void Dispose() => ZFile?.Dispose();
}

/// <summary>A part of a blob.</summary>
/// <param name="Offset">Bytes from the start of the blob.</param>
/// <param name="Length">Bytes.</param>
/// <param name="FirstBlock">The ZFile block that begins at the offset.</param>
/// <param name="BlockCount">ZFile blocks in the range; 0 where nothing is compressed.</param>
public readonly record struct BlockLayerRange(long Offset, long Length, int FirstBlock, int BlockCount);
