namespace Sluice.Formats.Rafs.V5;

/// <summary>Offsets and sizes of RAFS v5. Everything is little-endian and starts at a multiple of 8.</summary>
/// <remarks>
/// <code>
/// superblock        0 magic "RAFS"    4 version 0x500      8 size 0x2000     12 chunk size
///                  16 flags (u64)    24 unique inodes     32 inode table    40 prefetch table
///                  48 blob table     56 inode entries     60 prefetch entries
///                  64 blob table size   68 extended blob entries   72 extended blob table
/// inode             0 digest         32 parent            40 ino            48 uid           52 gid
///                  60 mode           64 size              80 flags          88 nlink
///                  92 first child    96 children or chunks                 100 name size    102 link size
///                 104 rdev          108 mtime nanoseconds 112 mtime
///                 128 name, link target, xattrs, chunks (80 bytes each), each padded to 8
/// chunk             0 digest         32 blob              36 flags          40 compressed size
///                  44 size           48 compressed offset 56 offset in blob space
///                  64 offset in file 72 chunk number      76 CRC-32C
/// extended blob     0 chunks          4 features           8 uncompressed size  16 compressed size
/// </code>
/// The inode table holds inode offsets divided by 8; a directory's children are consecutive entries of it, and the
/// first one is number 1 (the root).
/// </remarks>
internal static class RafsV5Layout
{
    public const uint Magic = 0x52414653;
    public const uint Version = 0x500;
    public const int SuperblockSize = 8192;
    public const int InodeSize = 128;
    public const int ChunkSize = 80;
    public const int ExtendedBlobSize = 64;

    public const int MaxBlobs = 255;
    public const int MaxNameLength = 255;
    public const int MaxTargetLength = 4095;
    public const int MaxXattrLength = 64 << 10;

    public const ulong InodeHasXattr = 4;

    public const ulong CompressionNone = 0x1;
    public const ulong CompressionLz4 = 0x2;
    public const ulong HashBlake3 = 0x4;
    public const ulong HashSha256 = 0x8;
    public const ulong CompressionGzip = 0x40;
    public const ulong CompressionZstd = 0x80;
    public const ulong CompressionFlags = CompressionNone | CompressionLz4 | CompressionGzip | CompressionZstd;

    public static InvalidFormatException Error(string message, long offset = -1) => new("rafs v5", message, offset);
}
