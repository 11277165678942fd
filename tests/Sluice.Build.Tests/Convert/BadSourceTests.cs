using Sluice.Build.Tests.Convert.OverlayBd;
using Sluice.Build.Tests.Support;
using Sluice.Formats;
using Sluice.Formats.Oci;
using Sluice.Testing.Images;

namespace Sluice.Build.Tests.Convert;

/// <summary>A bad source gives one error that names the layer, the same for either format, and the destination's tag stays as it was.</summary>
public class BadSourceTests
{
    [Theory]
    [InlineData(0.5)]
    [InlineData(0.95)]
    [InlineData(0.999)]
    public async Task A_truncated_layer_is_refused(double part)
    {
        byte[] blob = Good();
        await AssertRefusedAsync(new TestImage().Layer(TestLayer.Raw(blob[..(int)(blob.Length * part)])));
    }

    [Fact]
    public async Task Plain_text_flipped_bits_and_what_nobody_speaks_are_refused()
    {
        await AssertRefusedAsync(new TestImage().Layer(TestLayer.Raw("this is no tar, whatever its media type says, and it is not compressed either"u8.ToArray())));
        await AssertRefusedAsync(new TestImage().Layer(TestLayer.Raw([0xFD, 0x37, 0x7A, 0x58, 0x5A, 0, 0, 0])));
        byte[] blob = Good();
        blob[blob.Length / 2] ^= 0x10;
        await AssertRefusedAsync(new TestImage().Layer(TestLayer.Raw(blob)));
        await AssertRefusedAsync(new TestImage().Layer(TestLayer.Raw([.. Good(), .. "trailing"u8])));
        await AssertRefusedAsync(new TestImage().Layer(TestLayer.Raw([0x28, 0xB5, 0x2F, 0xFD, 1, 2, 3, 4], MediaTypes.OciLayerZstd)));
    }

    [Fact]
    public async Task A_layer_with_other_content_than_its_digest_says_is_refused()
    {
        await using var workshop = new Workshop();
        await new TestImage().Layer(l => l.File("a", "old")).StoreAsync(workshop.Source, "a");
        string before = (await workshop.ConvertAsync()).Manifest.Digest.ToString();
        StoredManifestLayer layer = await StoreAsync(workshop, l => l.Uncompressed().File("a", "new content"));
        byte[] content = await File.ReadAllBytesAsync(layer.File);
        content[^1500] ^= 1; // in the file's content, so that only the digest can tell
        await File.WriteAllBytesAsync(layer.File, content);
        SluiceException error = await Assert.ThrowsAsync<SluiceException>(() => workshop.ConvertAsync());
        Assert.Contains(layer.Digest.Hex, error.Message, StringComparison.Ordinal);
        Assert.Equal(before, (await workshop.Open("destination").GetManifestAsync("a", CancellationToken.None)).Digest.ToString());
    }

    [Fact]
    public async Task A_layer_that_is_not_what_the_configuration_promises_is_refused()
    {
        await using var workshop = new Workshop();
        await new TestImage().Layer(l => l.File("a", "other")).StoreAsync(workshop.Source, "other");
        Descriptor other = (await Workshop.ResolveAsync(workshop.Source, "other")).Manifest.Layers[0];
        TestLayer wanted = new TestLayer().File("a", "1");
        var image = new TestImage().Layer(l => l.File("big", Samples.Bytes(3 << 20, 1))).Layer(wanted);
        await image.StoreAsync(workshop.Source, "a", m => m with { Layers = [m.Layers[0], other] });
        SluiceException error = await Assert.ThrowsAnyAsync<SluiceException>(() => workshop.ConvertAsync());
        Assert.Equal(SluiceError.Image, error.Error);
        Assert.Contains(other.Digest.ToString(), error.Message, StringComparison.Ordinal);
        Assert.Contains(wanted.Pack().DiffId.ToString(), error.Message, StringComparison.Ordinal);
        Assert.Contains(new TestLayer().File("a", "other").Pack().DiffId.ToString(), error.Message, StringComparison.Ordinal);
        await ConversionTests.AssertNoTagAsync(workshop);
    }

    [Fact]
    public async Task A_wrong_size_a_missing_blob_and_missing_diff_ids_are_refused()
    {
        await AssertRefusedAsync(new TestImage().Layer(l => l.File("a", "1")), m => m with { Layers = [m.Layers[0] with { Size = m.Layers[0].Size + 1 }] });
        await AssertRefusedAsync(new TestImage().Layer(l => l.File("a", "1")), m => m with { Layers = [m.Layers[0], m.Layers[0]] });
        await using var workshop = new Workshop();
        StoredManifestLayer layer = await StoreAsync(workshop, l => l.File("a", "1"));
        File.Delete(layer.File);
        Assert.Equal(SluiceError.NotFound, (await Assert.ThrowsAsync<SluiceException>(() => workshop.ConvertAsync())).Error);
    }

    private static async Task AssertRefusedAsync(TestImage image, Func<ImageManifest, ImageManifest>? change = null)
    {
        await using var workshop = new Workshop();
        await image.StoreAsync(workshop.Source, "a", change);
        SluiceException error = await Assert.ThrowsAnyAsync<SluiceException>(() => workshop.ConvertAsync());
        SluiceException block = await Assert.ThrowsAnyAsync<SluiceException>(() => workshop.ConvertAsync(BlockConversionTests.Options));
        Assert.Equal((error.GetType(), error.Error, error.Message), (block.GetType(), block.Error, block.Message));
        await ConversionTests.AssertNoTagAsync(workshop);
    }

    private static byte[] Good()
    {
        var layer = new TestLayer();
        for (int i = 0; i < 20; i++) layer.File($"f{i}", Samples.Bytes(20_000, i));
        return layer.Pack().Blob;
    }

    private static async Task<StoredManifestLayer> StoreAsync(Workshop workshop, Action<TestLayer> build)
    {
        var image = new TestImage().Layer(build);
        await image.StoreAsync(workshop.Source, "a");
        Descriptor layer = (await Workshop.ResolveAsync(workshop.Source)).Manifest.Layers[0];
        return new StoredManifestLayer(layer.Digest, workshop.BlobFile("source", layer.Digest));
    }

    private sealed record StoredManifestLayer(Digest Digest, string File);
}
