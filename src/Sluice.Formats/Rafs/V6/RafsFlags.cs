namespace Sluice.Formats.Rafs.V6;

/// <summary>Flags of the extended superblock (and of the v5 superblock).</summary>
[Flags]
internal enum RafsFlags : ulong
{
    None = 0,
    CompressionNone = 0x1,
    CompressionLz4 = 0x2,
    HashBlake3 = 0x4,
    HashSha256 = 0x8,
    ExplicitIds = 0x10,
    HasXattr = 0x20,
    CompressionGzip = 0x40,
    CompressionZstd = 0x80,
    InlinedChunkDigest = 0x100,
    Tarfs = 0x200,
    EncryptionNone = 0x0100_0000,
    EncryptionAes128Xts = 0x0200_0000,

    AnyCompression = CompressionNone | CompressionLz4 | CompressionGzip | CompressionZstd,
    AnyHash = HashBlake3 | HashSha256,
}
