using Sluice.Formats.Trees;

namespace Sluice.Formats.Erofs;

/// <summary>
/// Offsets, sizes and encodings of EROFS that RAFS v6 uses (the kernel's <c>fs/erofs/erofs_fs.h</c>, Linux 5.16 and later).
/// Everything on disk is little-endian; Sluice runs on little-endian machines only, so structures are copied as they are.
/// </summary>
internal static class ErofsLayout
{
    public const int SuperblockOffset = 0x400;
    public const uint Magic = 0xE0F5_E1E2;

    /// <summary>An inode starts on a multiple of this: byte offset = meta area + 32 · nid.</summary>
    public const int SlotSize = 32;

    public const int CompactInodeSize = 32;
    public const int ExtendedInodeSize = 64;
    public const int DirentSize = 12;
    public const int DeviceSlotSize = 128;
    public const int ChunkAddressSize = 8;

    public const int MaxNameLength = 255;

    /// <summary>Longest target of a symbolic link that a reader accepts. A link that Linux can make is one byte shorter.</summary>
    public const int MaxLinkLength = 4096;

    /// <summary>Bit of a chunk format: the inode is followed by 8-byte chunk addresses, not by 4-byte block numbers.</summary>
    public const uint ChunkFormatIndexes = 0x20;

    /// <summary>Bits of a chunk format: log2 of chunk size over block size.</summary>
    public const uint ChunkFormatBits = 0x1F;

    /// <summary>EROFS' mark of a hole. nydusd refuses it, so nothing here writes it.</summary>
    public const uint NullBlock = 0xFFFF_FFFF;

    public static long AlignUp(long value, long alignment) => (value + alignment - 1) & -alignment;

    /// <summary>True when the kernel's 32-bit device number can hold it: 12 bits of major, 20 bits of minor.</summary>
    public static bool CanEncode(DeviceNumber device) => device is { Major: <= 0xFFF, Minor: <= 0xF_FFFF };

    /// <summary>The kernel's <c>new_encode_dev</c>.</summary>
    public static uint EncodeDevice(DeviceNumber device) =>
        (device.Minor & 0xFF) | (device.Major << 8) | ((device.Minor & ~0xFFu) << 12);

    /// <summary>The kernel's <c>new_decode_dev</c>.</summary>
    public static DeviceNumber DecodeDevice(uint encoded) =>
        new((encoded >> 8) & 0xFFF, (encoded & 0xFF) | ((encoded >> 12) & 0xF_FF00));
}
