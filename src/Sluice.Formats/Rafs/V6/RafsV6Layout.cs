using Sluice.Formats.Erofs;

namespace Sluice.Formats.Rafs.V6;

/// <summary>
/// Where things are in a RAFS v6 bootstrap: an EROFS image whose file data is on other devices, plus tables that only
/// Nydus reads. Facts: <c>rafs/src/metadata/layout/v6.rs</c> of dragonflyoss/nydus.
/// <code>
/// 0x400                                   EROFS superblock
/// 0x480                                   extended superblock
/// 0x580                                   device table, 128 bytes per blob
/// next 4 KiB                              blob table, 256 bytes per blob; right behind it the prefetch table, u32 nids
/// next 4 KiB = meta area                  one empty block, so that no inode has nid 0
/// meta area + 4096                        root inode (nid 128), then the other inodes and directory blocks
/// next 4 KiB                              chunk table, 80 bytes per chunk that is used; padded to 4 KiB
/// </code>
/// </summary>
internal static class RafsV6Layout
{
    public const int ExtensionOffset = ErofsLayout.SuperblockOffset + ErofsSuperblock.Size;
    public const int DeviceTableOffset = ExtensionOffset + RafsExtension.Size;

    /// <summary>The device table's position in units of its entries: 0x580 / 128.</summary>
    public const int DeviceTableSlot = DeviceTableOffset / ErofsLayout.DeviceSlotSize;

    /// <summary>Alignment of every table, whatever the block size is.</summary>
    public const int TableAlignment = 4096;

    /// <summary>Alignment of the blobs on the flat disk (2 MiB in images of nydus-image 2.2).</summary>
    public const int DeviceAlignment = 512 << 10;

    /// <summary><c>feature_compat</c> bit that marks a RAFS image; the kernel ignores it.</summary>
    public const uint CompatibleRafs = 0x4000_0000;

    /// <summary><c>feature_incompat</c>, exactly: chunked files (4) and device table (8).</summary>
    public const uint Incompatible = 0xC;

    public const int MinChunkSize = 4 << 10;
    public const int MaxChunkSize = 16 << 20;

    /// <summary>Device numbers are one byte, 0 is the bootstrap itself, and nydus-image keeps 255 free.</summary>
    public const int MaxBlobs = 254;

    /// <summary>Chunk numbers have 24 bits.</summary>
    public const int MaxChunksPerBlob = 1 << 24;

    public const long MaxBootstrapSize = 0x8000_0000;
    public const long MaxCompressedBlobSize = 1L << 40;
    public const long MaxUncompressedBlobSize = 1L << 44;

    /// <summary>What stands for the id of the blob that a bootstrap is part of: its hash can't be inside it.</summary>
    public const char UnknownIdDigit = 'x';

    public const int BlobIdLength = 64;
}
