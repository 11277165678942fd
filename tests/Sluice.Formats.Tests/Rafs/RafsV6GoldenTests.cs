using System.IO.Compression;
using System.Security.Cryptography;
using Sluice.Formats.Compression;
using Sluice.Formats.Hashing;
using Sluice.Formats.Rafs;
using Sluice.Formats.Rafs.Blobs;
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
        AssertContents(image, chunk => Decode(image, blobs, chunk));
    }

    [Fact]
    public void The_kernel_shows_a_golden_image_that_we_wrote_again()
    {
        RafsImage image = RafsV6Reader.Read(GoldenImages.Load("generated/merged-native.boot"));
        byte[][] blobs = [.. new[] { "native-l1.blob", "native-l2.blob" }.Select(name => File.ReadAllBytes(Golden.Path($"nydus/generated/{name}")))];
        using var directory = new TemporaryDirectory();
        string bootstrap = directory.File("image.boot");
        File.WriteAllBytes(bootstrap, RafsV6Writer.Write(image));
        string[] devices = [.. image.Blobs.Select((blob, i) => WriteDevice(image, blobs, i, directory.File($"device{i}")))];
        using ErofsMount mount = ErofsMount.Create(bootstrap, devices, directory.File("mnt"));
        Assert.Equal(TreeListing.WithContent(image, chunk => Decode(image, blobs, chunk)), KernelListing.Of(mount.Path));
    }

    [Fact]
    public void The_kernel_shows_a_tarfs_image_that_we_wrote_again()
    {
        RafsImage image = RafsV6Reader.Read(GoldenImages.Load("generated/merged-tarfs.boot"));
        byte[][] tars = [Inflate("layer1.tar.gz"), Inflate("layer2.tar.gz")];
        using var directory = new TemporaryDirectory();
        string bootstrap = directory.File("image.boot");
        File.WriteAllBytes(bootstrap, RafsV6Writer.Write(image));
        string[] devices = [directory.File("tar0"), directory.File("tar1")];
        for (int i = 0; i < devices.Length; i++) File.WriteAllBytes(devices[i], tars[i]);
        using ErofsMount mount = ErofsMount.Create(bootstrap, devices, directory.File("mnt"));
        Assert.Equal(
            TreeListing.WithContent(image, chunk => tars[chunk.Blob].AsMemory((int)Info(image, chunk).CompressedOffset, Info(image, chunk).CompressedSize)),
            KernelListing.Of(mount.Path));
    }

    [Theory]
    [InlineData("generated/merged-tarfs.boot")]
    [InlineData("generated/merged-native.boot")]
    public void Chunks_are_in_the_order_that_decoders_need(string name)
    {
        RafsImage image = RafsV6Reader.Read(GoldenImages.Load(name));
        for (int i = 0; i < image.Blobs.Count; i++) Assert.Equal(image.Chunks[i].Length, new ChunkDecoder(image.Blobs[i], image.Chunks[i]).ChunkCount);
    }

    [Fact]
    public void Either_version_is_recognised()
    {
        Assert.Equal(6, RafsReader.Read(GoldenImages.Load("generated/merged-native.boot")).Version);
        Assert.Equal(5, RafsReader.Read(File.ReadAllBytes(Golden.Path("nydus/generated/v5-dir.boot"))).Version);
        Assert.Throws<InvalidFormatException>(() => RafsReader.Read(new byte[8192]));
        Assert.Throws<InvalidFormatException>(() => RafsReader.Read(default));
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

    private static ReadOnlyMemory<byte> Decode(RafsImage image, byte[][] blobs, ChunkReference reference)
    {
        ChunkInfo chunk = Info(image, reference);
        byte[] content = new byte[chunk.UncompressedSize];
        ReadOnlySpan<byte> stored = blobs[reference.Blob].AsSpan((int)chunk.CompressedOffset, chunk.CompressedSize);
        ChunkCodec.Decompress(chunk.Flags.HasFlag(ChunkFlags.Compressed) ? image.Compressor : Compressor.None, stored, content);
        Assert.Equal(chunk.Digest, ChunkDigest.Compute(image.Digester, content));
        return content;
    }

    private static string WriteDevice(RafsImage image, byte[][] blobs, int blob, string path)
    {
        using FileStream device = File.Create(path);
        device.SetLength(image.Blobs[blob].UncompressedSize);
        for (int i = 0; i < image.Chunks[blob].Length; i++)
        {
            if (image.Chunks[blob][i].UncompressedSize == 0) continue;
            device.Position = image.Chunks[blob][i].UncompressedOffset;
            device.Write(Decode(image, blobs, new ChunkReference(blob, i)).Span);
        }

        return path;
    }

    private static byte[] Inflate(string name)
    {
        using var gzip = new GZipStream(File.OpenRead(Golden.Path($"nydus/generated/{name}")), CompressionMode.Decompress);
        using var tar = new MemoryStream();
        gzip.CopyTo(tar);
        return tar.ToArray();
    }

    private static IEnumerable<RafsBlob> Blobs(RafsImage image) => image.Blobs.Select(blob => blob with { MappedOffset = 0 });
}
