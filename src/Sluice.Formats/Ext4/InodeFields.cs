using System.Runtime.InteropServices;
using Sluice.Formats.Trees;

namespace Sluice.Formats.Ext4;

/// <summary>
/// The fixed part of an inode, 160 bytes. Extended attributes lie behind it, from 128 + <see cref="ExtraSize"/> on.
/// <code>
/// 0x00 u16 mode    0x0c u32 ctime   0x1c u32 sectors, low  0x6c u32 size, high      0x80 u16 extra size    0x90 u32 crtime
/// 0x02 u16 uid     0x10 u32 mtime   0x20 u32 flags         0x74 u16 sectors, high   0x82 u16 checksum high 0x94 u32 crtime extra
/// 0x04 u32 size    0x14 u32 dtime   0x28 u8[60] blocks     0x76 u16 file acl, high  0x84 u32 ctime extra
/// 0x08 u32 atime   0x18 u16 gid     0x64 u32 generation    0x78 u16 uid, high       0x88 u32 mtime extra
///                  0x1a u16 links   0x68 u32 file acl      0x7a u16 gid, high       0x8c u32 atime extra
///                                                          0x7c u16 checksum low
/// </code>
/// </summary>
[StructLayout(LayoutKind.Explicit, Size = Size)]
internal struct InodeFields
{
    public const int Size = 160;
    public const int BaseSize = 128;
    public const int BlocksOffset = 0x28;
    public const int BlocksLength = 60;
    public const ushort FullExtraSize = Size - BaseSize;

    public const uint IndexFlag = 0x1000;
    public const uint HugeFileFlag = 0x40000;
    public const uint ExtentsFlag = 0x80000;

    /// <summary>Attribute in an inode of its own, data in the inode: features that are refused.</summary>
    public const uint ForeignFlags = 0x200000 | 0x10000000;

    [FieldOffset(0x00)] public ushort Mode;
    [FieldOffset(0x02)] public ushort UserLow;
    [FieldOffset(0x04)] public uint SizeLow;
    [FieldOffset(0x08)] public uint AccessTime;
    [FieldOffset(0x0C)] public uint ChangeTime;
    [FieldOffset(0x10)] public uint ModificationTime;
    [FieldOffset(0x14)] public uint DeletionTime;
    [FieldOffset(0x18)] public ushort GroupLow;
    [FieldOffset(0x1A)] public ushort Links;
    [FieldOffset(0x1C)] public uint SectorsLow;
    [FieldOffset(0x20)] public uint Flags;
    [FieldOffset(0x28)] public uint Block0;
    [FieldOffset(0x2C)] public uint Block1;
    [FieldOffset(0x64)] public uint Generation;
    [FieldOffset(0x68)] public uint AttributeBlockLow;
    [FieldOffset(0x6C)] public uint SizeHigh;
    [FieldOffset(0x74)] public ushort SectorsHigh;
    [FieldOffset(0x76)] public ushort AttributeBlockHigh;
    [FieldOffset(0x78)] public ushort UserHigh;
    [FieldOffset(0x7A)] public ushort GroupHigh;
    [FieldOffset(0x80)] public ushort ExtraSize;
    [FieldOffset(0x84)] public uint ChangeTimeExtra;
    [FieldOffset(0x88)] public uint ModificationTimeExtra;
    [FieldOffset(0x8C)] public uint AccessTimeExtra;
    [FieldOffset(0x90)] public uint CreationTime;
    [FieldOffset(0x94)] public uint CreationTimeExtra;

    public readonly FileType Type => (FileType)(Mode & Ext4Layout.TypeMask);

    public long FileSize
    {
        readonly get => (long)(((ulong)SizeHigh << 32) | SizeLow);
        set => (SizeLow, SizeHigh) = ((uint)value, (uint)(value >> 32));
    }

    public long AttributeBlock
    {
        readonly get => ((long)AttributeBlockHigh << 32) | AttributeBlockLow;
        set => (AttributeBlockLow, AttributeBlockHigh) = ((uint)value, (ushort)(value >> 32));
    }

    public uint UserId
    {
        readonly get => ((uint)UserHigh << 16) | UserLow;
        set => (UserLow, UserHigh) = ((ushort)value, (ushort)(value >> 16));
    }

    public uint GroupId
    {
        readonly get => ((uint)GroupHigh << 16) | GroupLow;
        set => (GroupLow, GroupHigh) = ((ushort)value, (ushort)(value >> 16));
    }

    /// <summary>Blocks on the device, of content, extent tree and attributes; below 2^45.</summary>
    public long Blocks
    {
        readonly get
        {
            long counted = ((long)SectorsHigh << 32) | SectorsLow;
            return (Flags & HugeFileFlag) != 0 ? counted : counted / Ext4Layout.SectorsPerBlock;
        }

        set
        {
            long sectors = value * Ext4Layout.SectorsPerBlock;
            (SectorsLow, SectorsHigh, Flags) = ((uint)sectors, (ushort)(sectors >> 32), Flags & ~HugeFileFlag);
        }
    }

    /// <summary>Nanoseconds count only where the inode is large enough to hold them.</summary>
    public readonly FileTime Modified =>
        ExtraSize >= 0x8C - BaseSize ? InodeTime.Decode(ModificationTime, ModificationTimeExtra) : InodeTime.Decode(ModificationTime, 0);

    /// <summary>Sets all four times.</summary>
    public void SetTimes(FileTime time)
    {
        (uint seconds, uint extra) = InodeTime.Encode(time);
        AccessTime = ChangeTime = ModificationTime = CreationTime = seconds;
        AccessTimeExtra = ChangeTimeExtra = ModificationTimeExtra = CreationTimeExtra = extra;
    }
}
