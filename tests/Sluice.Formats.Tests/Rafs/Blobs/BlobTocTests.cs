using System.Security.Cryptography;
using Sluice.Formats.Compression;
using Sluice.Formats.Hashing;
using Sluice.Formats.Rafs.Blobs;

namespace Sluice.Formats.Tests.Rafs.Blobs;

public sealed class BlobTocTests
{
    private const string OldBlob = "2fa78cad554b75ac91a4a125ed148d0ddeb25efa4aaa8bd80e5dc292690a4dca";

    [Theory]
    [InlineData("native-l1.blob", 416)]
    [InlineData("native-l2.blob", 6)]
    [InlineData("batch-l1.blob", 416)]
    [InlineData("zran-l1.blob", 416)]
    [InlineData("zran-l2.blob", 6)]
    public void Golden_sections_match_their_digests_and_the_walk(string name, int chunks)
    {
        var blob = new GoldenBlob(name);
        bool hasData = !name.StartsWith("zran", StringComparison.Ordinal);
        Assert.Equal(chunks * ChunkDigest.Size, blob.Section(BlobSection.BlobDigest).Length);
        Assert.Equal(0xE0F5E1E2, BitConverter.ToUInt32(blob.Section(BlobSection.ImageBoot), 1024));
        Assert.Equal(chunks, blob.Table.Chunks.Length);

        BlobSectionWalk walk = BlobSectionWalk.Over(blob.Bytes);
        Assert.Equal(0, walk.UnclaimedSize);
        Assert.Equal(hasData ? 5 : 4, walk.Sections.Count);
        BlobSection boot = walk.Find(BlobSection.ImageBoot)!.Value;
        Assert.Equal(blob.Toc.Find(BlobSection.ImageBoot)!.Offset, boot.Offset);
        BlobSection meta = walk.Find(BlobSection.BlobMeta)!.Value;
        ChunkInfoTable unkeyed = ChunkInfoReader.ReadSection(blob.Bytes.AsSpan((int)meta.Offset, (int)meta.Size));
        Assert.Equal(chunks, unkeyed.Chunks.Length);

        if (!hasData) return;
        BlobTocEntry data = blob.Toc.Find(BlobSection.ImageBlob)!;
        byte[] withHeader = SHA256.HashData(blob.Bytes.AsSpan(0, (int)data.CompressedSize + BlobTarHeader.Size));
        Assert.Equal(data.Digest, new ChunkDigest(withHeader));
    }

    [Fact]
    public void Tail_of_nydus_2_2_reads_despite_garbage_in_reserved_bytes()
    {
        byte[] bytes = GoldenBlob.Read(OldBlob + ".toc-blob");
        BlobToc toc = BlobToc.ReadTail(bytes.Length, bytes.AsSpan(^4096..), out _)!;
        Assert.Equal(4, toc.Entries.Count);
        Assert.Equal("4fdfbb36ef74a3c63a28e2abafa54044c7594155beb6ddad9f36825cfe58286c", toc.Digest.ToString());
        BlobTocEntry boot = toc.Find(BlobSection.ImageBoot)!;
        Assert.Equal(20480, boot.Unpack(bytes.AsSpan((int)boot.Offset, (int)boot.CompressedSize)).Length);
        BlobTocEntry header = toc.Find(BlobSection.BlobMetaHeader)!;
        Assert.Equal(3, ChunkInfoHeader.Read(header.Unpack(bytes.AsSpan((int)header.Offset, (int)header.CompressedSize))).ChunkCount);
    }

    [Fact]
    public void Short_tails_say_what_they_need()
    {
        byte[] bytes = GoldenBlob.Read("generated/native-l1.blob");
        Assert.Null(BlobToc.ReadTail(bytes.Length, [], out long needed));
        Assert.Equal(bytes.Length - BlobToc.TailSize, needed);
        Assert.Null(BlobToc.ReadTail(bytes.Length, bytes.AsSpan(^512..), out needed));
        Assert.Equal(bytes.Length - 512 - (5 * 128), needed);
        Assert.NotNull(BlobToc.ReadTail(bytes.Length, bytes.AsSpan((int)needed..), out _));
    }

    [Fact]
    public void Plain_blob_has_no_toc_and_no_sections()
    {
        byte[] bytes = GoldenBlob.Read("generated/a728b5791bc0c69660bfdcc7ac9cf628059a497b5a39b29e473712471370310d");
        Assert.Null(BlobToc.ReadTail(bytes.Length, bytes.AsSpan(^4096..), out long needed));
        Assert.Equal(bytes.Length, needed);
        BlobSectionWalk walk = BlobSectionWalk.Over(bytes);
        Assert.Empty(walk.Sections);
        Assert.Equal(bytes.Length, walk.UnclaimedSize);
    }

    [Fact]
    public void Writing_what_was_read_gives_the_same_bytes()
    {
        byte[] bytes = GoldenBlob.Read("generated/native-l1.blob");
        BlobToc toc = BlobToc.ReadTail(bytes.Length, bytes, out _)!;
        Assert.Equal(bytes[^toc.StoredSize..], toc.ToBytes());
        Assert.Equal(toc.Digest, new BlobToc(toc.Entries).Digest);
    }

    [Fact]
    public void Zstd_golden_decompresses_to_the_chunk_data()
    {
        // The ".zst" is the zstd form of the blob's first section.
        byte[] bytes = GoldenBlob.Read(OldBlob + ".toc-blob");
        byte[] packed = GoldenBlob.Read(OldBlob + ".zst");
        byte[] data = new byte[10034];
        ChunkCodec.Decompress(Compressor.Zstd, packed, data);
        Assert.Equal(bytes, data);
    }

    [Fact]
    public void Large_sections_use_binary_sizes()
    {
        byte[] header = new byte[BlobTarHeader.Size];
        BlobTarHeader.Write(header, BlobSection.ImageBlob, 9L << 30);
        Assert.True(BlobTarHeader.TryRead(header, out string name, out long size));
        Assert.Equal((BlobSection.ImageBlob, 9L << 30), (name, size));
    }
}
