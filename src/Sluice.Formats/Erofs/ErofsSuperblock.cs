using System.Runtime.InteropServices;

namespace Sluice.Formats.Erofs;

/// <summary>
/// The EROFS superblock, 128 bytes at 0x400.
/// <code>
/// 0x00 u32 magic           0x0c u8  log2 block size   0x18 u64 build time, s    0x2c u32 xattr block      0x54 u16 compression
/// 0x04 u32 checksum        0x0d u8  extension slots   0x20 u32 build time, ns   0x30 u8[16] uuid          0x56 u16 extra devices
/// 0x08 u32 compatible      0x0e u16 root nid          0x24 u32 blocks           0x40 u8[16] volume name   0x58 u16 device table slot
///                          0x10 u64 inodes            0x28 u32 meta block       0x50 u32 incompatible     0x5a u8[38] reserved
/// </code>
/// </summary>
[StructLayout(LayoutKind.Explicit, Size = Size)]
internal struct ErofsSuperblock
{
    public const int Size = 128;

    [FieldOffset(0x00)] public uint Magic;
    [FieldOffset(0x04)] public uint Checksum;
    [FieldOffset(0x08)] public uint Compatible;
    [FieldOffset(0x0C)] public byte BlockBits;
    [FieldOffset(0x0D)] public byte ExtensionSlots;
    [FieldOffset(0x0E)] public ushort RootNid;
    [FieldOffset(0x10)] public ulong Inodes;
    [FieldOffset(0x18)] public ulong BuildTime;
    [FieldOffset(0x20)] public uint BuildTimeNanoseconds;
    [FieldOffset(0x24)] public uint Blocks;
    [FieldOffset(0x28)] public uint MetaBlock;
    [FieldOffset(0x2C)] public uint XattrBlock;
    [FieldOffset(0x50)] public uint Incompatible;
    [FieldOffset(0x54)] public ushort Compression;
    [FieldOffset(0x56)] public ushort ExtraDevices;
    [FieldOffset(0x58)] public ushort DeviceTableSlot;
}
