using System.Security.Cryptography;
using Sluice.Formats.Compression;
using Sluice.Formats.Hashing;
using Sluice.Formats.Rafs;
using Sluice.Formats.Rafs.Blobs;
using Sluice.Testing;

namespace Sluice.Formats.Tests.Rafs.Blobs;

/// <summary>A golden layer blob, opened by its TOC, with the blob-table entry that a merge would make of it.</summary>
internal sealed class GoldenBlob
{
    public GoldenBlob(string name, Compressor compressor = Compressor.Zstd, DigestAlgorithm digester = DigestAlgorithm.Blake3)
    {
        Bytes = Read("generated/" + name);
        Toc = BlobToc.ReadTail(Bytes.Length, Bytes.AsSpan(^Math.Min(BlobToc.TailSize, Bytes.Length)..), out _)!;
        ChunkInfoHeader header = ChunkInfoHeader.Read(Section(BlobSection.BlobMetaHeader));
        BlobTocEntry? data = Toc.Find(BlobSection.ImageBlob);
        Entry = new RafsBlob
        {
            Id = Convert.ToHexStringLower(SHA256.HashData(Bytes)),
            ChunkSize = 1 << 20,
            ChunkCount = header.ChunkCount,
            Compressor = compressor,
            Digester = digester,
            Features = header.Features & ~BlobFeatures.InlinedFsMeta,
            UncompressedSize = data?.UncompressedSize ?? 0,
            ChunkInfoCompressor = header.Compressor,
            ChunkInfoOffset = header.Offset,
            ChunkInfoCompressedSize = header.CompressedSize,
            ChunkInfoUncompressedSize = header.UncompressedSize,
        };
        (long offset, int length) = ChunkInfoReader.GetRange(Entry);
        Table = ChunkInfoReader.ReadSection(Entry, Bytes.AsSpan((int)offset, length)).WithDigests(Section(BlobSection.BlobDigest));
    }

    public byte[] Bytes { get; }

    public BlobToc Toc { get; }

    public RafsBlob Entry { get; }

    public ChunkInfoTable Table { get; }

    public static byte[] Read(string name) => File.ReadAllBytes(Golden.Path("nydus/" + name));

    public ReadOnlySpan<byte> Stored(string name)
    {
        BlobTocEntry entry = Toc.Find(name)!;
        return Bytes.AsSpan((int)entry.Offset, (int)entry.CompressedSize);
    }

    public byte[] Section(string name) => Toc.Find(name)!.Unpack(Stored(name));

    /// <summary>Fetches, decodes and checks every unit; returns the blob space.</summary>
    public static byte[] DecodeAll(ChunkDecoder decoder, ReadOnlySpan<byte> data)
    {
        ChunkInfo last = decoder[decoder.ChunkCount - 1];
        byte[] space = new byte[last.UncompressedOffset + last.UncompressedSize];
        int chunk = 0;
        for (int i = 0; i < decoder.UnitCount; i++)
        {
            ChunkUnit unit = decoder.GetUnit(i);
            Assert.Equal(i, unit.Index);
            Assert.Equal(chunk, unit.FirstChunk);
            byte[] buffer = new byte[unit.UncompressedLength];
            Array.Fill(buffer, (byte)0xee);
            decoder.DecodeUnit(unit, data.Slice((int)unit.CompressedOffset, unit.CompressedLength), buffer);
            Assert.Equal(-1, decoder.FindCorrupt(unit, buffer));
            buffer.CopyTo(space, unit.UncompressedOffset);
            for (; chunk < unit.EndChunk; chunk++) Assert.Equal(i, decoder.GetUnitOf(chunk));
        }

        Assert.Equal(decoder.ChunkCount, chunk);
        return space;
    }

    /// <summary>Decodes chunk by chunk and compares with what the units gave.</summary>
    public static void DecodeSingly(ChunkDecoder decoder, ReadOnlySpan<byte> data, ReadOnlySpan<byte> space)
    {
        for (int i = 0; i < decoder.ChunkCount; i++)
        {
            ChunkInfo chunk = decoder[i];
            (long offset, int length) = decoder.GetCompressedRange(i);
            byte[] buffer = new byte[chunk.UncompressedSize];
            decoder.Decode(i, data.Slice((int)offset, length), buffer);
            Assert.Equal(ChunkVerdict.Good, decoder.Verify(i, buffer));
            Assert.True(space.Slice((int)chunk.UncompressedOffset, chunk.UncompressedSize).SequenceEqual(buffer));
        }
    }
}
