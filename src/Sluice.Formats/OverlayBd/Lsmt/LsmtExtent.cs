using System.Runtime.InteropServices;

namespace Sluice.Formats.OverlayBd.Lsmt;

/// <summary>
/// One entry of an LSMT index: a run of sectors of the device and where it is in the layer's file. 16 bytes, as on disk
/// (two little-endian words); all units are sectors of 512 bytes.
/// <code>
/// low   0..49  offset: first sector of the device       50..63  length, 1..16383; 0 in a padding entry
/// high  0..54  mapped offset: first sector in the file  55  zeroed: reads as zeros  56..63  layer
/// </code>
/// </summary>
[StructLayout(LayoutKind.Sequential, Pack = 8, Size = Bytes)]
public readonly record struct LsmtExtent
{
    public const int Bytes = 16;
    public const int SectorSize = 512;

    /// <summary>Sectors of the longest extent: 8 MiB less a sector.</summary>
    public const int MaxLength = (1 << 14) - 1;

    /// <summary>Behind the last sector that an offset can name; as an offset it marks a padding entry.</summary>
    public const long InvalidOffset = (1L << 50) - 1;

    private const int LengthShift = 50;
    private const int ZeroedBit = 55;
    private const int LayerShift = 56;
    private const ulong MappedMask = (1UL << ZeroedBit) - 1;

    private readonly ulong _low;
    private readonly ulong _high;

    /// <param name="offset">0..<see cref="InvalidOffset"/>.</param>
    /// <param name="length">0..<see cref="MaxLength"/>.</param>
    /// <param name="mappedOffset">Below 2^55. Of a zeroed extent: any position within the data of the file.</param>
    /// <param name="layer">Position in the stack; 0 in the index of a single layer on disk.</param>
    public LsmtExtent(long offset, int length, long mappedOffset, bool zeroed = false, byte layer = 0)
    {
        _low = (ulong)offset | ((ulong)length << LengthShift);
        _high = (ulong)mappedOffset | (zeroed ? 1UL << ZeroedBit : 0) | ((ulong)layer << LayerShift);
    }

    public long Offset => (long)(_low & (ulong)InvalidOffset);

    public int Length => (int)(_low >> LengthShift);

    public long End => Offset + Length;

    public long MappedOffset => (long)(_high & MappedMask);

    public bool IsZeroed => (_high >> ZeroedBit & 1) != 0;

    public byte Layer => (byte)(_high >> LayerShift);
}
