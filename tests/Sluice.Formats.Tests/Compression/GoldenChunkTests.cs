using System.Buffers.Binary;
using Sluice.Formats.Compression;
using Sluice.Formats.Hashing;
using Sluice.Testing;

namespace Sluice.Formats.Tests.Compression;

/// <summary>Every chunk of blobs that nydus-image wrote: decompressed, its BLAKE3 digest and its CRC-32C are those that nydus-image recorded.</summary>
public sealed class GoldenChunkTests
{
    private const int ExtendedSuperblock = 0x480;
    private const int EntrySize = 80;
    private const uint IsCompressed = 1;
    private const uint HasCrc = 0x10;

    /// <summary>A RAFS v6 bootstrap (chunk table: place at 0x18 of the extended superblock, entries of 80 bytes) beside its zstd blob.</summary>
    [Fact]
    public void ZstdChunks()
    {
        byte[] bootstrap = File.ReadAllBytes(Golden.Path("nydus/generated/plain-l2.boot"));
        byte[] blob = File.ReadAllBytes(Golden.Path("nydus/generated/a728b5791bc0c69660bfdcc7ac9cf628059a497b5a39b29e473712471370310d"));
        int table = (int)BinaryPrimitives.ReadInt64LittleEndian(bootstrap.AsSpan(ExtendedSuperblock + 0x18));
        int size = (int)BinaryPrimitives.ReadInt64LittleEndian(bootstrap.AsSpan(ExtendedSuperblock + 0x20));
        Assert.Equal(size / EntrySize, CheckChunks(Compressor.Zstd, bootstrap.AsSpan(table, size), blob));
    }

    /// <summary>
    /// A RAFS v5 bootstrap of lz4_block chunks. Its entries stand among the inodes, with the same fields at the same
    /// offsets: found by looking for places that describe a chunk of the blob.
    /// </summary>
    [Fact]
    public void Lz4Chunks()
    {
        byte[] bootstrap = File.ReadAllBytes(Golden.Path("nydus/generated/v5-dir.boot"));
        byte[] blob = File.ReadAllBytes(Golden.Path("nydus/generated/865246269bd52cc2d4d1707458bf4846b2198f2816634a1351ce6d37ffa6c9f6"));
        int found = 0;
        for (int at = 0; at + EntrySize <= bootstrap.Length; at += 8)
        {
            ReadOnlySpan<byte> entry = bootstrap.AsSpan(at, EntrySize);
            if (LooksLikeChunk(entry, blob.Length)) found += CheckChunks(Compressor.Lz4Block, entry, blob);
        }

        Assert.True(found >= 3, $"only {found} chunks found");
    }

    private static int CheckChunks(Compressor compressor, ReadOnlySpan<byte> table, byte[] blob)
    {
        int checkedChunks = 0;
        for (; table.Length >= EntrySize; table = table[EntrySize..], checkedChunks++)
        {
            uint flags = BinaryPrimitives.ReadUInt32LittleEndian(table[36..]);
            int size = BinaryPrimitives.ReadInt32LittleEndian(table[40..]);
            byte[] chunk = new byte[BinaryPrimitives.ReadInt32LittleEndian(table[44..])];
            int offset = (int)BinaryPrimitives.ReadInt64LittleEndian(table[48..]);
            ChunkCodec.Decompress((flags & IsCompressed) != 0 ? compressor : Compressor.None, blob.AsSpan(offset, size), chunk);
            Assert.Equal(Convert.ToHexStringLower(table[..32]), ChunkDigest.Compute(DigestAlgorithm.Blake3, chunk).ToString());
            if ((flags & HasCrc) != 0) Assert.Equal(BinaryPrimitives.ReadUInt32LittleEndian(table[76..]), Crc32C.Compute(chunk));

            // nydus-image uses its own zstd; only LZ4 gives the same bytes in all versions.
            byte[] again = new byte[ChunkCodec.MaxCompressedLength(compressor, chunk.Length)];
            int length = ChunkCodec.Compress(compressor, chunk, again);
            Assert.Equal((flags & IsCompressed) != 0, length > 0);
            if (compressor == Compressor.Lz4Block && length > 0) Assert.Equal(blob.AsSpan(offset, size), again.AsSpan(0, length));
        }

        return checkedChunks;
    }

    private static bool LooksLikeChunk(ReadOnlySpan<byte> entry, int blobLength)
    {
        uint flags = BinaryPrimitives.ReadUInt32LittleEndian(entry[36..]);
        uint size = BinaryPrimitives.ReadUInt32LittleEndian(entry[40..]);
        uint uncompressed = BinaryPrimitives.ReadUInt32LittleEndian(entry[44..]);
        ulong offset = BinaryPrimitives.ReadUInt64LittleEndian(entry[48..]);
        return BinaryPrimitives.ReadUInt32LittleEndian(entry[32..]) == 0 && flags is HasCrc or (HasCrc | IsCompressed)
            && size > 0 && offset + size <= (ulong)blobLength && uncompressed >= size && uncompressed <= 1 << 20
            && entry[..32].ContainsAnyExcept((byte)0);
    }
}
