using System.Runtime.InteropServices;

namespace Sluice.Formats.Ext4;

/// <summary>
/// The superblock, 1,024 bytes at byte 1,024 of the device; the fields that are used here.
/// <code>
/// 0x000 u32 inodes          0x048 u32 creator OS       0x0ce u16 reserved GDT blocks  0x158 u32 free blocks, high
/// 0x004 u32 blocks          0x04c u32 revision         0x0e0 u32 journal inode        0x15c u16 minimal extra isize
/// 0x008 u32 reserved blocks 0x054 u32 first inode      0x0e8 u32 last orphan          0x15e u16 wanted extra isize
/// 0x00c u32 free blocks     0x058 u16 inode size       0x0ec u32[4] hash seed         0x160 u32 flags (1 signed, 2 unsigned hash)
/// 0x010 u32 free inodes     0x05c u32 compatible       0x0fc u8  hash version         0x174 u8  log2 groups per flex group
/// 0x014 u32 first block     0x060 u32 incompatible     0x0fe u16 descriptor size      0x175 u8  checksum type (1 = crc32c)
/// 0x018 u32 log2 block/1024 0x064 u32 read-only comp.  0x100 u32 default mount opts   0x248 u32 overhead, blocks
/// 0x020 u32 blocks/group    0x068 u8[16] uuid          0x108 u32 made at              0x24c u32[2] groups with backups
/// 0x028 u32 inodes/group                               0x150 u32 blocks, high         0x270 u32 checksum seed
/// 0x030 u32 written at      0x038 u16 magic            0x03a u16 state                0x3fc u32 checksum
/// </code>
/// </summary>
[StructLayout(LayoutKind.Explicit, Size = Size)]
internal struct Ext4Superblock
{
    public const int Size = 1024;
    public const int UuidOffset = 0x68;
    public const int HashSeedOffset = 0xEC;
    public const int ChecksumOffset = 0x3FC;

    [FieldOffset(0x00)] public uint Inodes;
    [FieldOffset(0x04)] public uint BlocksLow;
    [FieldOffset(0x0C)] public uint FreeBlocksLow;
    [FieldOffset(0x10)] public uint FreeInodes;
    [FieldOffset(0x14)] public uint FirstDataBlock;
    [FieldOffset(0x18)] public uint LogBlockSize;
    [FieldOffset(0x1C)] public uint LogClusterSize;
    [FieldOffset(0x20)] public uint BlocksPerGroup;
    [FieldOffset(0x24)] public uint ClustersPerGroup;
    [FieldOffset(0x28)] public uint InodesPerGroup;
    [FieldOffset(0x30)] public uint WriteTime;
    [FieldOffset(0x36)] public ushort MaxMountCount;
    [FieldOffset(0x38)] public ushort Magic;
    [FieldOffset(0x3A)] public ushort State;
    [FieldOffset(0x3C)] public ushort ErrorBehaviour;
    [FieldOffset(0x40)] public uint LastCheck;
    [FieldOffset(0x4C)] public uint Revision;
    [FieldOffset(0x54)] public uint FirstInode;
    [FieldOffset(0x58)] public ushort InodeSize;
    [FieldOffset(0x5C)] public uint Compatible;
    [FieldOffset(0x60)] public uint Incompatible;
    [FieldOffset(0x64)] public uint ReadOnlyCompatible;
    [FieldOffset(0xCE)] public ushort ReservedDescriptorBlocks;
    [FieldOffset(0xE8)] public uint LastOrphan;
    [FieldOffset(0xFC)] public byte HashVersion;
    [FieldOffset(0xFE)] public ushort DescriptorSize;
    [FieldOffset(0x100)] public uint DefaultMountOptions;
    [FieldOffset(0x108)] public uint MakeTime;
    [FieldOffset(0x150)] public uint BlocksHigh;
    [FieldOffset(0x158)] public uint FreeBlocksHigh;
    [FieldOffset(0x15C)] public ushort MinExtraSize;
    [FieldOffset(0x15E)] public ushort WantedExtraSize;
    [FieldOffset(0x160)] public uint Flags;
    [FieldOffset(0x174)] public byte LogGroupsPerFlex;
    [FieldOffset(0x175)] public byte ChecksumType;
    [FieldOffset(0x248)] public uint OverheadBlocks;
    [FieldOffset(0x24C)] public uint BackupGroup0;
    [FieldOffset(0x250)] public uint BackupGroup1;
    [FieldOffset(0x270)] public uint ChecksumSeed;
    [FieldOffset(0x3FC)] public uint Checksum;
}
