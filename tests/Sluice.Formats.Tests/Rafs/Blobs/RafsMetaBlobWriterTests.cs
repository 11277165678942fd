using System.Buffers.Binary;
using System.Security.Cryptography;
using Sluice.Formats.Compression;
using Sluice.Formats.Hashing;
using Sluice.Formats.Rafs;
using Sluice.Formats.Rafs.Blobs;

namespace Sluice.Formats.Tests.Rafs.Blobs;

public sealed class RafsMetaBlobWriterTests
{
    [Theory]
    [InlineData("zran-l1.blob", "layer1.tar.gz", 0)]
    [InlineData("zran-l2.blob", "layer2.tar.gz", 1)]
    public void Rebuilding_a_golden_meta_blob_from_its_parts_gives_the_same_bytes(string name, string layer, int index)
    {
        var golden = new GoldenBlob(name, Compressor.Gzip, DigestAlgorithm.Sha256);
        byte[] data = GoldenBlob.Read("generated/" + layer);
        using var output = new MemoryStream();
        using var writer = new RafsMetaBlobWriter(output, Layer(data), golden.Table);
        Assert.Equal((BlobFeatures)0x7000_003f, writer.CompleteChunks().Features);
        WrittenBlob written = writer.Complete(golden.Section(BlobSection.ImageBoot));
        Assert.Equal(golden.Bytes, output.ToArray());

        // The same entry, as nydus's own merge wrote it.
        byte[] merged = GoldenBlob.Read("generated/merged-zran.boot");
        ReadOnlySpan<byte> entry = merged.AsSpan((int)BinaryPrimitives.ReadUInt64LittleEndian(merged.AsSpan(0x488)) + (256 * index), 256);
        Assert.Equal(written.Blob.Id, System.Text.Encoding.ASCII.GetString(entry[..64]));
        Assert.Equal(written.Blob.Features, (BlobFeatures)BinaryPrimitives.ReadUInt32LittleEndian(entry[84..]));
        Assert.Equal(written.Blob.ChunkInfoOffset, BinaryPrimitives.ReadInt64LittleEndian(entry[112..]));
        Assert.Equal(written.Blob.ChunkInfoCompressedSize, BinaryPrimitives.ReadInt64LittleEndian(entry[120..]));
        Assert.Equal(written.Blob.TocDigest, new ChunkDigest(entry.Slice(136, 32)));
        Assert.Equal(written.Blob.MetaDigest, new ChunkDigest(entry.Slice(168, 32)));
        Assert.Equal(written.Blob.MetaSize, BinaryPrimitives.ReadInt64LittleEndian(entry[200..]));
        Assert.Equal(golden.Entry.Id, written.Digest.Hex);
        Assert.Equal(golden.Table.Chunks, ChunkInfoReader.ReadCacheFile(written.Blob, written.ChunkInfoFile.Span).WithTrusted(written.Chunks).Chunks);
    }

    private static RafsBlob Layer(byte[] data) => new()
    {
        Id = Convert.ToHexStringLower(SHA256.HashData(data)),
        ChunkSize = 1 << 20,
        Compressor = Compressor.Gzip,
        Digester = DigestAlgorithm.Sha256,
        CompressedSize = data.Length,
    };
}
