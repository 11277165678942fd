using System.Buffers.Binary;

namespace Sluice.Formats.Ext4;

/// <summary>
/// One group's descriptor where it lies: 32 bytes, or 64 with the feature 64bit, whose second half holds the high halves.
/// <code>
/// 0x00 u32 block bitmap   0x0c u16 free blocks   0x12 u16 flags                     0x1a u16 inode bitmap checksum
/// 0x04 u32 inode bitmap   0x0e u16 free inodes   0x14 u32 (unused)                  0x1c u16 inodes never used at the table's end
/// 0x08 u32 inode table    0x10 u16 directories   0x18 u16 block bitmap checksum     0x1e u16 checksum
/// 0x20 … 0x28 high halves of the three places, 0x2c … 0x32 of the counts, 0x38 and 0x3a of the bitmap checksums
/// </code>
/// </summary>
internal readonly ref struct GroupDescriptor(Span<byte> bytes)
{
    public const int Size = 32;
    public const int WideSize = 64;
    public const int ChecksumOffset = 0x1E;

    public const ushort InodesUninitialised = 1;
    public const ushort BlocksUninitialised = 2;
    public const ushort InodesZeroed = 4;

    private readonly Span<byte> _bytes = bytes;

    public long BlockBitmap
    {
        get => Long(0x00);
        set => SetLong(0x00, value);
    }

    public long InodeBitmap
    {
        get => Long(0x04);
        set => SetLong(0x04, value);
    }

    public long InodeTable
    {
        get => Long(0x08);
        set => SetLong(0x08, value);
    }

    public int FreeBlocks
    {
        get => Count(0x0C);
        set => SetCount(0x0C, value);
    }

    public int FreeInodes
    {
        get => Count(0x0E);
        set => SetCount(0x0E, value);
    }

    public int Directories
    {
        get => Count(0x10);
        set => SetCount(0x10, value);
    }

    public ushort Flags
    {
        get => Short(0x12);
        set => SetShort(0x12, value);
    }

    public int UnusedInodes
    {
        get => Count(0x1C);
        set => SetCount(0x1C, value);
    }

    public ushort Checksum
    {
        set => SetShort(ChecksumOffset, value);
    }

    public uint BlockBitmapChecksum
    {
        set => SetChecksum(0x18, 0x38, value);
    }

    public uint InodeBitmapChecksum
    {
        set => SetChecksum(0x1A, 0x3A, value);
    }

    private bool IsWide => _bytes.Length >= WideSize;

    private long Long(int at)
    {
        long low = BinaryPrimitives.ReadUInt32LittleEndian(_bytes[at..]);
        return IsWide ? low | ((long)BinaryPrimitives.ReadUInt32LittleEndian(_bytes[(at + 0x20)..]) << 32) : low;
    }

    private void SetLong(int at, long value)
    {
        BinaryPrimitives.WriteUInt32LittleEndian(_bytes[at..], (uint)value);
        if (IsWide) BinaryPrimitives.WriteUInt32LittleEndian(_bytes[(at + 0x20)..], (uint)(value >> 32));
    }

    private static int HighCount(int at) => at == 0x1C ? 0x32 : at + 0x20;

    /// <summary>Counts within a group are below 2^16 at 4 KiB blocks; whatever the high half says above 2^15 can't be.</summary>
    private int Count(int at) => Short(at) | (IsWide ? (Short(HighCount(at)) & 0x7FFF) << 16 : 0);

    private void SetCount(int at, int value)
    {
        SetShort(at, (ushort)value);
        if (IsWide) SetShort(HighCount(at), (ushort)(value >> 16));
    }

    private void SetChecksum(int low, int high, uint value)
    {
        SetShort(low, (ushort)value);
        if (IsWide) SetShort(high, (ushort)(value >> 16));
    }

    private ushort Short(int at) => BinaryPrimitives.ReadUInt16LittleEndian(_bytes[at..]);

    private void SetShort(int at, ushort value) => BinaryPrimitives.WriteUInt16LittleEndian(_bytes[at..], value);
}
