using Sluice.Formats.Trees;

namespace Sluice.Formats.Ext4;

/// <summary>
/// Sizes and encodings of ext4 (the kernel's documentation, <c>filesystems/ext4</c>). Everything on disk is little-endian;
/// Sluice runs on little-endian machines only, so structures are used where they lie.
/// </summary>
internal static class Ext4Layout
{
    public const int BlockSize = 4096;
    public const int BlockBits = 12;
    public const int SectorsPerBlock = BlockSize / 512;

    public const int SuperblockOffset = 1024;
    public const ushort Magic = 0xEF53;

    public const uint RootInode = 2;
    public const uint FirstInode = 11;

    public const int MaxNameLength = 255;

    /// <summary>EXT4_LINK_MAX. Directories with more count 1 instead, when the file system has dir_nlink.</summary>
    public const int MaxLinks = 65000;

    /// <summary>A target shorter than this lies in the inode itself.</summary>
    public const int InlineLinkLength = 60;

    /// <summary>Without the feature largedir.</summary>
    public const long MaxDirectoryBlocks = (2L << 30) / BlockSize;

    /// <summary>The type bits of <c>st_mode</c>.</summary>
    public const ushort TypeMask = 0xF000;

    /// <summary>Blocks that so many bytes take.</summary>
    public static long Blocks(long bytes) => (bytes + BlockSize - 1) >> BlockBits;
}
