using System.Security.Cryptography;
using Sluice.Formats.Compression;
using Sluice.Formats.Hashing;
using Sluice.Formats.Rafs;
using Sluice.Formats.Rafs.Blobs;

namespace Sluice.Formats.Tests.Rafs.Blobs;

public sealed class RafsBlobWriterTests
{
    [Theory]
    [InlineData("native-l1.blob")]
    [InlineData("native-l2.blob")]
    public void Rebuilding_a_golden_blob_from_its_parts_gives_the_same_bytes(string name)
    {
        var golden = new GoldenBlob(name);
        using var output = new MemoryStream();
        using var writer = new RafsBlobWriter(output, new RafsBlobWriterOptions());
        foreach (ChunkInfo chunk in golden.Table.Chunks)
        {
            writer.Append(golden.Bytes.AsSpan((int)chunk.CompressedOffset, chunk.CompressedSize), chunk.UncompressedSize, chunk.Digest, 0);
        }

        RafsBlob entry = writer.CompleteChunks();
        Assert.Equal((BlobFeatures)0x7000_0023, entry.Features);
        Assert.Equal(RafsBlobWriter.UnknownId, entry.Id);
        WrittenBlob written = writer.Complete(golden.Section(BlobSection.ImageBoot));
        Assert.Equal(golden.Bytes, output.ToArray());
        Assert.Equal(golden.Entry.Id, written.Blob.Id);
        Assert.Equal((BlobFeatures)0x7000_0021, written.Blob.Features);
        Assert.Equal(golden.Toc.Find(BlobSection.ImageBoot)!.Offset, written.Blob.CompressedSize);
        Assert.Equal(golden.Bytes.Length, written.Size);
        Assert.Equal(golden.Entry with { CompressedSize = written.Blob.CompressedSize }, written.Blob);
    }

    [Fact]
    public void Rebuilding_the_plain_golden_blob_gives_the_same_bytes()
    {
        var native = new GoldenBlob("native-l2.blob");
        byte[] golden = GoldenBlob.Read("generated/a728b5791bc0c69660bfdcc7ac9cf628059a497b5a39b29e473712471370310d");
        using var output = new MemoryStream();
        using var writer = new RafsBlobWriter(output, new RafsBlobWriterOptions { WithToc = false, WithBootstrap = false });
        foreach (ChunkInfo chunk in native.Table.Chunks)
        {
            writer.Append(golden.AsSpan((int)chunk.CompressedOffset, chunk.CompressedSize), chunk.UncompressedSize, chunk.Digest, 0);
        }

        WrittenBlob written = writer.Complete();
        Assert.Equal(golden, output.ToArray());
        Assert.Equal((BlobFeatures)0x4000_0001, written.Blob.Features);
        Assert.Equal(golden.Length, written.Blob.CompressedSize);
        Assert.Null(written.Toc);
    }

    [Theory]
    [InlineData(Compressor.None)]
    [InlineData(Compressor.Lz4Block)]
    [InlineData(Compressor.Zstd)]
    public void What_is_written_reads_back(Compressor compressor)
    {
        var random = new Random(7);
        using var output = new MemoryStream();
        using var writer = new RafsBlobWriter(output, new RafsBlobWriterOptions
        {
            Compressor = compressor,
            Digester = DigestAlgorithm.Sha256,
            ChunkSize = 0x10000,
            WithBootstrap = false,
        });
        var contents = new List<byte[]>();
        foreach (int size in (int[])[1, 15, 4096, 4097, 65536, 65535, 30000])
        {
            byte[] content = new byte[size];
            if (size % 2 == 0) random.NextBytes(content);
            contents.Add(content);
            Assert.Equal(contents.Count - 1, writer.AppendContent(content));
        }

        WrittenBlob written = writer.Complete();
        byte[] bytes = output.ToArray();
        Assert.Equal(written.Digest.Hex, Convert.ToHexStringLower(SHA256.HashData(bytes)));
        Assert.Equal(written.Blob.TocDigest, BlobToc.ReadTail(bytes.Length, bytes, out _)!.Digest);
        ChunkInfoTable cached = ChunkInfoReader.ReadCacheFile(written.Blob, written.ChunkInfoFile.Span);
        (long offset, int length) = ChunkInfoReader.GetRange(written.Blob);
        ChunkInfoTable stored = ChunkInfoReader.ReadSection(written.Blob, bytes.AsSpan((int)offset, length));
        Assert.Equal(cached.Chunks, stored.Chunks);
        ChunkInfoTable table = cached.WithTrusted(written.Chunks);
        Assert.Equal(written.Chunks, table.Chunks);
        var decoder = new ChunkDecoder(written.Blob, table);
        byte[] space = GoldenBlob.DecodeAll(decoder, bytes);
        for (int i = 0; i < contents.Count; i++)
        {
            Assert.Equal(contents[i], space[(int)decoder[i].UncompressedOffset..][..contents[i].Length]);
        }
    }

    [Fact]
    public void Blob_without_chunks_holds_only_the_bootstrap()
    {
        using var output = new MemoryStream();
        using var writer = new RafsBlobWriter(output, new RafsBlobWriterOptions());
        WrittenBlob written = writer.Complete(new byte[4096]);
        byte[] bytes = output.ToArray();
        Assert.Equal([BlobSection.ImageBoot], BlobToc.ReadTail(bytes.Length, bytes, out _)!.Entries.Select(entry => entry.Name));
        Assert.Equal(2, BlobSectionWalk.Over(bytes).Sections.Count);
        Assert.Equal(0, written.Blob.ChunkCount);
        Assert.True(written.ChunkInfoFile.IsEmpty);
    }

    [Fact]
    public void Misuse_is_refused()
    {
        using var writer = new RafsBlobWriter(Stream.Null, new RafsBlobWriterOptions { ChunkSize = 4096 });
        Assert.Throws<ArgumentOutOfRangeException>(() => writer.Append(new byte[10], 4097, default, 0));
        Assert.Throws<ArgumentException>(() => writer.Append(new byte[11], 10, default, 0));
        Assert.Throws<ArgumentException>(() => writer.Complete());
        writer.CompleteChunks();
        Assert.Throws<InvalidOperationException>(() => writer.Append(new byte[10], 10, default, 0));
    }
}
