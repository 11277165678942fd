using System.Runtime.InteropServices;
using Sluice.Formats.Compression;
using Sluice.Formats.Hashing;

namespace Sluice.Formats.Rafs.V6;

/// <summary>
/// An entry of the blob table, 256 bytes.
/// <code>
///  0 id, 64 ASCII digits   84 u32 features            112 u64 chunk-info offset             168 meta blob sha256[32], or cipher key
/// 64 u32 blob index        88 u64 compressed size     120 u64 chunk-info compressed size    200 u64 meta blob size, or IV[0..8]
/// 68 u32 chunk size        96 u64 uncompressed size   128 u64 chunk-info uncompressed size  208 u64 IV[8..16]
/// 72 u32 chunk count      104 u32 TOC size            136 TOC sha256[32]                    216 u32 cipher
/// 76 u32 compressor       108 u32 chunk-info compressor                                     220 36 reserved bytes
/// 80 u32 digester
/// </code>
/// </summary>
[StructLayout(LayoutKind.Explicit, Size = Size)]
internal struct BlobTableEntry
{
    public const int Size = 256;
    public const int CipherKeyOffset = 168;
    public const int CipherKeySize = 32;
    public const int CipherIvOffset = 200;
    public const int CipherIvSize = 16;

    [FieldOffset(64)] public uint Index;
    [FieldOffset(68)] public uint ChunkSize;
    [FieldOffset(72)] public uint ChunkCount;
    [FieldOffset(76)] public Compressor Compressor;
    [FieldOffset(80)] public DigestAlgorithm Digester;
    [FieldOffset(84)] public BlobFeatures Features;
    [FieldOffset(88)] public ulong CompressedSize;
    [FieldOffset(96)] public ulong UncompressedSize;
    [FieldOffset(104)] public uint TocSize;
    [FieldOffset(108)] public Compressor ChunkInfoCompressor;
    [FieldOffset(112)] public ulong ChunkInfoOffset;
    [FieldOffset(120)] public ulong ChunkInfoCompressedSize;
    [FieldOffset(128)] public ulong ChunkInfoUncompressedSize;
    [FieldOffset(136)] public ChunkDigest TocDigest;
    [FieldOffset(CipherKeyOffset)] public ChunkDigest MetaDigest;
    [FieldOffset(CipherIvOffset)] public ulong MetaSize;
    [FieldOffset(216)] public RafsCipher Cipher;
}
