using Sluice.Build.Convert;
using Sluice.Build.Tests.Support;
using Sluice.Formats.Oci;
using Sluice.Formats.OverlayBd.ZFile;
using Sluice.Testing;
using Sluice.Testing.Images;

namespace Sluice.Build.Tests.Convert.OverlayBd;

/// <summary>Block images beside those that the original converter made of the same tars with the same options: LZ4 in 4 KiB with CRCs, a device of 1 GiB.</summary>
public sealed class OriginalSizeTests
{
    private static readonly BlockImageOptions Block = new() { VirtualSize = 1L << 30, Algorithm = ZFileAlgorithm.Lz4, BlockSize = 4 << 10 };

    private static ConvertOptions Options => new() { Jobs = 2, Block = Block };

    [Fact]
    public async Task No_layer_is_larger_than_the_originals()
    {
        await using var workshop = new Workshop();
        BlockImage original = BlockImage.Golden();
        var image = new TestImage();
        for (int layer = 1; layer <= 3; layer++) image.Layer(Source(layer));
        await image.StoreAsync(workshop.Source, "a");

        ConvertedImage converted = (await workshop.ConvertAsync(Options)).Images[0];
        Assert.Equal(original.Layers.Count, converted.Layers.Count);
        Assert.All(converted.Layers.Zip(original.Layers), pair => Assert.InRange(pair.First.Blob.Size, 1, pair.Second.Length));
        Assert.Empty((await workshop.CheckAsync()).Differences);
    }

    /// <summary>The second tar has 10 KiB, of which the original makes a layer of 62 KB.</summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_layer_of_10_kilobytes_is_pushed_in_32(bool onStandardBase)
    {
        await using var workshop = new Workshop();
        await using Storage.Sources.IImageStore store = BaseLayerTests.Open(MadeBase.Make(workshop.Path, 1L << 30));
        await new TestImage().Layer(Source(1)).Layer(Source(2)).StoreAsync(workshop.Source, "a");

        ConvertOptions options = onStandardBase ? Options with { Block = Block with { Base = new BaseLayer(store, "") } } : Options;
        ConvertedImage converted = (await workshop.ConvertAsync(options)).Images[0];
        Assert.InRange(converted.Layers[^1].Blob.Size, 1, 32_000);
    }

    private static TestLayer Source(int layer) => TestLayer.Raw(File.ReadAllBytes(Golden.Path($"overlaybd/srctar/layer{layer}.tar")), MediaTypes.OciLayer);
}
