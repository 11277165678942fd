namespace Sluice.Formats.OverlayBd.ZFile;

/// <summary>Where one block of a ZFile is.</summary>
/// <param name="Number">From 0.</param>
/// <param name="StoredOffset">Bytes from the start of the ZFile.</param>
/// <param name="StoredLength">Bytes in the ZFile, with the checksum if there is one.</param>
/// <param name="Offset">Position of its content in the whole content.</param>
/// <param name="Length">Bytes of its content.</param>
public readonly record struct ZFileBlock(int Number, long StoredOffset, int StoredLength, long Offset, int Length)
{
    public long StoredEnd => StoredOffset + StoredLength;

    public long End => Offset + Length;
}
