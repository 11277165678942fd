using System.Runtime.InteropServices;
using Sluice.Formats.Hashing;

namespace Sluice.Formats.Rafs.V6;

/// <summary>
/// An entry of the chunk table, 80 bytes (also the chunk of a v5 inode).
/// <code>
///  0 digest[32]       40 u32 compressed size     56 u64 uncompressed offset   72 u32 chunk number in its blob
/// 32 u32 blob index   44 u32 uncompressed size   64 u64 offset in its file    76 u32 CRC-32C, or 0
/// 36 u32 flags        48 u64 compressed offset
/// </code>
/// </summary>
[StructLayout(LayoutKind.Explicit, Size = Size)]
internal struct ChunkTableEntry
{
    public const int Size = 80;

    [FieldOffset(0)] public ChunkDigest Digest;
    [FieldOffset(32)] public uint Blob;
    [FieldOffset(36)] public ChunkFlags Flags;
    [FieldOffset(40)] public uint CompressedSize;
    [FieldOffset(44)] public uint UncompressedSize;
    [FieldOffset(48)] public ulong CompressedOffset;
    [FieldOffset(56)] public ulong UncompressedOffset;
    [FieldOffset(64)] public ulong FileOffset;
    [FieldOffset(72)] public uint Number;
    [FieldOffset(76)] public uint Crc32;
}
