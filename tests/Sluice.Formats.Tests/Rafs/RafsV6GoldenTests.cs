using System.IO.Compression;
using System.Security.Cryptography;
using Sluice.Formats.Compression;
using Sluice.Formats.Hashing;
using Sluice.Formats.Rafs;
using Sluice.Formats.Trees;
using Sluice.Testing;

namespace Sluice.Formats.Tests.Rafs;

/// <summary>Reads what nydus-image wrote, and compares with what the kernel showed of it.</summary>
public sealed class RafsV6GoldenTests
{
    public static TheoryData<string> All => GoldenImages.All;

    [Theory]
    [InlineData("generated/merged-native.boot")]
    [InlineData("generated/merged-zran.boot")]
    [InlineData("generated/merged-tarfs.boot")]
    public void The_tree_is_the_one_that_the_kernel_showed(string name)
    {
        RafsImage image = RafsV6Reader.Read(GoldenImages.Load(name));
        Assert.Equal(ExpectedTree.Load(Golden.Path("nydus/generated/exp-native.jsonl"), withContent: false), ExpectedTree.Of(image, hash: null));
    }

    [Fact]
    public void Contents_of_the_tarfs_image_come_out_of_the_plain_tars()
    {
        RafsImage image = RafsV6Reader.Read(GoldenImages.Load("generated/merged-tarfs.boot"));
        byte[][] tars = [Inflate("layer1.tar.gz"), Inflate("layer2.tar.gz")];
        AssertContents(image, chunk => tars[chunk.Blob].AsMemory((int)Info(image, chunk).CompressedOffset, Info(image, chunk).CompressedSize));
    }

    [Fact]
    public void Contents_of_the_native_image_come_out_of_the_layer_blobs()
    {
        RafsImage image = RafsV6Reader.Read(GoldenImages.Load("generated/merged-native.boot"));
        byte[][] blobs = [.. new[] { "native-l1.blob", "native-l2.blob" }.Select(name => File.ReadAllBytes(Golden.Path($"nydus/generated/{name}")))];
        Assert.Equal(image.Blobs.Select(blob => blob.Id), blobs.Select(blob => Convert.ToHexStringLower(SHA256.HashData(blob))));
        AssertContents(image, reference =>
        {
            ChunkInfo chunk = Info(image, reference);
            byte[] stored = blobs[reference.Blob].AsSpan((int)chunk.CompressedOffset, chunk.CompressedSize).ToArray();
            return chunk.Flags.HasFlag(ChunkFlags.Compressed) ? GoldenImages.Decompress(stored, chunk.UncompressedSize) : stored;
        });
    }

    [Theory]
    [MemberData(nameof(All))]
    public void What_is_read_can_be_written_and_read_again(string name)
    {
        RafsImage image = RafsV6Reader.Read(GoldenImages.Load(name));
        RafsImage again = RafsV6Reader.Read(RafsV6Writer.Write(image));
        Assert.Equal(TreeListing.WithChunks(image), TreeListing.WithChunks(again));
        Assert.Equal(Blobs(image), Blobs(again));
        Assert.Equal(image.Prefetch.Select(inode => inode.Type), again.Prefetch.Select(inode => inode.Type));
        Assert.Equal((image.Compressor, image.Digester, image.IsTarfs, image.BlockSize), (again.Compressor, again.Digester, again.IsTarfs, again.BlockSize));
    }

    [Theory]
    [MemberData(nameof(All))]
    public void What_is_written_of_a_golden_image_follows_the_rules_of_nydus(string name) =>
        NydusRules.Check(RafsV6Writer.Write(RafsV6Reader.Read(GoldenImages.Load(name))));

    [Theory]
    [MemberData(nameof(All))]
    public void The_rules_are_those_that_nydus_itself_follows(string name) => NydusRules.Check(GoldenImages.Load(name));

    [Fact]
    public void Features_of_the_variants_are_seen()
    {
        RafsImage native = RafsV6Reader.Read(GoldenImages.Load("generated/merged-native.boot"));
        Assert.Equal((BlobFeatures)0x7000_0021, native.Blobs[0].Features);
        Assert.Equal((512 << 10, 1408 * 4096L), (native.Blobs[0].MappedOffset, native.Blobs[1].MappedOffset));
        Assert.Same(native.Root, Assert.Single(native.Prefetch));
        RafsImage zran = RafsV6Reader.Read(GoldenImages.Load("generated/merged-zran.boot"));
        Assert.True(zran.Blobs[0].Features.HasFlag(BlobFeatures.Zran | BlobFeatures.Separate | BlobFeatures.ChunkInfoV2));
        Assert.Equal((Compressor.Gzip, DigestAlgorithm.Sha256, 95757), (zran.Compressor, zran.Digester, zran.Blobs[0].MetaSize));
        RafsImage batch = RafsV6Reader.Read(GoldenImages.Load("generated/batch-l1.blob"));
        Assert.True(batch.Blobs[0].Features.HasFlag(BlobFeatures.Batch));
        Assert.Equal(new string('x', 64), batch.Blobs[0].Id);
        RafsImage old = RafsV6Reader.Read(GoldenImages.Load(GoldenImages.NydusTwoTwo));
        Assert.Equal((Compressor.Zstd, RafsCipher.None, 3), (old.Compressor, old.Blobs[0].Cipher, old.Chunks[0].Length));
    }

    private static void AssertContents(RafsImage image, Func<ChunkReference, ReadOnlyMemory<byte>> content)
    {
        List<string> read = ExpectedTree.Of(image, inode =>
        {
            using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
            foreach (ChunkReference chunk in inode.Chunks) hash.AppendData(content(chunk).Span);
            return Convert.ToHexStringLower(hash.GetHashAndReset());
        });
        Assert.Equal(ExpectedTree.Load(Golden.Path("nydus/generated/exp-native.jsonl"), withContent: true), read);
    }

    private static ChunkInfo Info(RafsImage image, ChunkReference chunk) => image.Chunks[chunk.Blob][chunk.Chunk];

    private static byte[] Inflate(string name)
    {
        using var gzip = new GZipStream(File.OpenRead(Golden.Path($"nydus/generated/{name}")), CompressionMode.Decompress);
        using var tar = new MemoryStream();
        gzip.CopyTo(tar);
        return tar.ToArray();
    }

    private static IEnumerable<RafsBlob> Blobs(RafsImage image) => image.Blobs.Select(blob => blob with { MappedOffset = 0 });
}
