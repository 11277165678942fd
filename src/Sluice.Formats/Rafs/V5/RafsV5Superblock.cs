using System.Buffers.Binary;
using System.Numerics;
using Sluice.Formats.Compression;
using Sluice.Formats.Hashing;

namespace Sluice.Formats.Rafs.V5;

/// <summary>The first 8192 bytes of a v5 bootstrap, checked.</summary>
internal sealed record RafsV5Superblock
{
    public required int ChunkSize { get; init; }

    public required Compressor Compressor { get; init; }

    public required DigestAlgorithm Digester { get; init; }

    public required int InodeTableOffset { get; init; }

    public required int InodeTableEntries { get; init; }

    public required int PrefetchTableOffset { get; init; }

    public required int PrefetchEntries { get; init; }

    public required int BlobTableOffset { get; init; }

    public required int BlobTableSize { get; init; }

    public required int ExtendedBlobTableOffset { get; init; }

    public required int ExtendedBlobEntries { get; init; }

    public static RafsV5Superblock Read(ReadOnlySpan<byte> bootstrap)
    {
        if (bootstrap.Length < RafsV5Layout.SuperblockSize) throw RafsV5Layout.Error($"{bootstrap.Length} bytes are no bootstrap");
        if (UInt32(bootstrap, 0) != RafsV5Layout.Magic) throw RafsV5Layout.Error("no magic number", 0);
        if (UInt32(bootstrap, 4) != RafsV5Layout.Version || UInt32(bootstrap, 8) != RafsV5Layout.SuperblockSize)
        {
            throw RafsV5Layout.Error($"version 0x{UInt32(bootstrap, 4):x} with a superblock of {UInt32(bootstrap, 8)} bytes", 4);
        }

        uint chunkSize = UInt32(bootstrap, 12);
        if (!BitOperations.IsPow2(chunkSize) || chunkSize is < 0x1000 or > 0x100_0000) throw RafsV5Layout.Error($"chunks of {chunkSize} bytes", 12);
        ulong flags = BinaryPrimitives.ReadUInt64LittleEndian(bootstrap[16..]);
        return new RafsV5Superblock
        {
            ChunkSize = (int)chunkSize,
            Compressor = (flags & RafsV5Layout.CompressionFlags) switch
            {
                RafsV5Layout.CompressionNone => Compressor.None,
                RafsV5Layout.CompressionLz4 => Compressor.Lz4Block,
                RafsV5Layout.CompressionGzip => Compressor.Gzip,
                RafsV5Layout.CompressionZstd => Compressor.Zstd,
                _ => throw RafsV5Layout.Error($"flags 0x{flags:x} name no compressor", 16),
            },
            Digester = (flags & (RafsV5Layout.HashBlake3 | RafsV5Layout.HashSha256)) switch
            {
                RafsV5Layout.HashBlake3 => DigestAlgorithm.Blake3,
                RafsV5Layout.HashSha256 => DigestAlgorithm.Sha256,
                _ => throw RafsV5Layout.Error($"flags 0x{flags:x} name no digest algorithm", 16),
            },
            InodeTableOffset = Table(bootstrap, 32, UInt32(bootstrap, 56), 4),
            InodeTableEntries = (int)UInt32(bootstrap, 56),
            PrefetchTableOffset = Table(bootstrap, 40, UInt32(bootstrap, 60), 4),
            PrefetchEntries = (int)UInt32(bootstrap, 60),
            BlobTableOffset = Table(bootstrap, 48, UInt32(bootstrap, 64), 1),
            BlobTableSize = (int)UInt32(bootstrap, 64),
            ExtendedBlobTableOffset = Table(bootstrap, 72, UInt32(bootstrap, 68), RafsV5Layout.ExtendedBlobSize),
            ExtendedBlobEntries = (int)UInt32(bootstrap, 68),
        };
    }

    private static uint UInt32(ReadOnlySpan<byte> bootstrap, int offset) => BinaryPrimitives.ReadUInt32LittleEndian(bootstrap[offset..]);

    /// <summary>The offset of a table that lies wholly in the file; 0 for an empty one.</summary>
    private static int Table(ReadOnlySpan<byte> bootstrap, int field, uint entries, int entrySize)
    {
        if (entries == 0) return 0;
        ulong offset = BinaryPrimitives.ReadUInt64LittleEndian(bootstrap[field..]);
        ulong size = entries * (ulong)entrySize;
        if (offset % 8 != 0 || offset < RafsV5Layout.SuperblockSize || offset > (ulong)bootstrap.Length || size > (ulong)bootstrap.Length - offset)
        {
            throw RafsV5Layout.Error($"a table of {size} bytes at {offset} in a bootstrap of {bootstrap.Length}", field);
        }

        return (int)offset;
    }
}
