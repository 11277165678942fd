using Sluice.Build.Convert;
using Sluice.Build.Tests.OverlayBd;
using Sluice.Build.Tests.Support;
using Sluice.Formats;
using Sluice.Formats.Ext4;
using Sluice.Formats.Oci;
using Sluice.Formats.OverlayBd;
using Sluice.Formats.OverlayBd.Artifacts;
using Sluice.Formats.OverlayBd.Lsmt;
using Sluice.Storage.Images;
using Sluice.Storage.Sources;
using Sluice.Testing;
using Sluice.Testing.Ext4;
using Sluice.Testing.Images;

namespace Sluice.Build.Tests.Convert.OverlayBd;

/// <summary>Images on a file system that others made: the standard base layer of overlaybd's converter, and its layers.</summary>
public sealed class BaseLayerTests
{
    private const long Size = 512L << 20;

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task It_lies_below_as_it_is_and_the_rest_follows_the_rules(bool flatten)
    {
        await using var workshop = new Workshop();
        string file = MadeBase.Make(workshop.Path, Size);
        await using IImageStore store = Open(file);
        await Samples.Everything().StoreAsync(workshop.Source, "a");
        ConvertOptions options = OnBase(store) with { Block = OnBase(store).Block! with { Flatten = flatten } };
        ConvertResult result = await workshop.ConvertAsync(options);
        StoredImage source = await Workshop.ResolveAsync(workshop.Source), image = await Workshop.ResolveAsync(workshop.Destination);
        ImageConfig before = await source.ReadConfigAsync(CancellationToken.None), after = await image.ReadConfigAsync(CancellationToken.None);

        Descriptor first = image.Manifest.Layers[0];
        Assert.Equal(Digest.Sha256(await File.ReadAllBytesAsync(file)), first.Digest);
        Assert.Equal(MediaTypes.OciLayer, first.MediaType);
        Assert.Equal(
            new Dictionary<string, string>
            {
                [OverlayBdAnnotations.BlobDigest] = first.Digest.ToString(),
                [OverlayBdAnnotations.BlobSize] = first.Size.ToString(),
                [OverlayBdAnnotations.Version] = "0.1.0",
                [OverlayBdAnnotations.FileSystem] = "ext4",
            },
            first.Annotations!.ToDictionary());
        Assert.Equal(image.Manifest.Layers.Select(layer => layer.Digest), after.DiffIds);
        Assert.Equal(after.DiffIds.Count, after.History.Count(step => !step.EmptyLayer));
        Assert.Equal(flatten ? 2 : 3, image.Manifest.Layers.Count);

        IReadOnlyList<LayerIdentity> identities = LayerIdentity.All(before.DiffIds);
        using BlockLayer own = StackedLayers.Read(workshop.BlobFile("destination", image.Manifest.Layers[1].Digest));
        Assert.Equal((flatten ? identities[1].Uuid : identities[0].Uuid, LsmtHeader.NoUuid, Size), (own.Trailer.Uuid, own.Trailer.ParentUuid, own.Trailer.VirtualSize));
        if (!flatten)
        {
            using BlockLayer second = StackedLayers.Read(workshop.BlobFile("destination", image.Manifest.Layers[2].Digest));
            Assert.Equal((identities[1].Uuid, identities[0].Uuid), (second.Trailer.Uuid, second.Trailer.ParentUuid));
        }

        await AssertSameTreeAsync(workshop);
        Assert.Empty(result.Images[0].Warnings);
        string[] blobs = BlockConversionTests.Blobs(workshop, result.Images[0]);
        for (int count = 1; count <= blobs.Length; count++)
        {
            string device = workshop.File($"device{count}");
            StackedLayers.Flatten(blobs[..count], device);
            E2fs.AssertClean(device);
        }

        Assert.Equal(result.Manifest.Digest, (await workshop.ConvertAsync(options with { Jobs = 1, Reuse = false }, to: "again")).Manifest.Digest);
        Assert.All((await workshop.ConvertAsync(options)).Images[0].Layers, layer => Assert.True(layer.Reused));
    }

    [Fact]
    public async Task The_base_of_64_gibibytes_is_known_to_the_layers_above()
    {
        await using var workshop = new Workshop();
        await using IImageStore store = Open(MadeBase.Make(workshop.Path, 64L << 30));
        byte[] content = new byte[10_240];
        new Random(1).NextBytes(content);
        await new TestImage().Layer(l => l.File("a", "1")).Layer(l => l.Directory("d").File("d/f", content)).StoreAsync(workshop.Source, "a");
        ConvertedImage image = (await workshop.ConvertAsync(OnBase(store))).Images[0];
        Assert.InRange(image.Layers[1].Blob.Size, 1, 16 << 10);
        Assert.InRange(image.Layers[2].Blob.Size, 10_240, 32 << 10);
        await AssertSameTreeAsync(workshop);
    }

    [Fact]
    public async Task Layers_of_the_real_tools_can_be_built_on()
    {
        await using var workshop = new Workshop();
        BlockImage golden = BlockImage.Golden(1);
        await golden.StoreAsync(workshop.Source, "golden");
        var image = new TestImage();
        string device = workshop.File("golden.device");
        await File.WriteAllBytesAsync(workshop.File("golden.tar"), golden.Layers[0]);
        StackedLayers.Flatten([workshop.File("golden.tar")], device);
        ImageModel model;
        using (var below = new FileBlockStore(device)) model = ImageModel.From(Ext4Reader.Read(below));
        var random = new RandomLayers(77);
        for (int layer = 0; layer < 3; layer++)
        {
            byte[] tar = random.Next(model.Root, 60);
            model.Apply(tar);
            image.Layer(TestLayer.Raw(tar, MediaTypes.OciLayer));
        }

        await image.StoreAsync(workshop.Source, "a");
        ConvertOptions options = new() { Jobs = 2, Block = new BlockImageOptions { Base = new BaseLayer(workshop.Source, "golden") } };
        ConvertedImage converted = (await workshop.ConvertAsync(options)).Images[0];
        Assert.Contains(converted.Warnings, warning => warning.Contains("holds files", StringComparison.Ordinal));
        string[] blobs = BlockConversionTests.Blobs(workshop, converted);
        for (int count = 2; count <= blobs.Length; count++)
        {
            StackedLayers.Flatten(blobs[..count], device);
            E2fs.AssertClean(device);
        }

        using var store = new FileBlockStore(device);
        model.AssertIs(Ext4Reader.Read(store), foreign: true);
    }

    [Fact]
    public async Task What_is_no_base_layer_is_refused()
    {
        await using var workshop = new Workshop();
        await Samples.Everything().StoreAsync(workshop.Source, "a");
        await AssertRefused(SluiceError.Usage, "--base-layer", workshop.Source);
        await using IImageStore bare = Open(MadeBase.Make(workshop.Path, Size, tar: false));
        await AssertRefused(SluiceError.Usage, "--base-layer", bare);

        string device = workshop.File("rubbish");
        await File.WriteAllBytesAsync(device, Samples.Bytes(1 << 20, 5));
        MadeBase.Commit(device, workshop.File("rubbish.tar"), tar: true);
        await using IImageStore rubbish = Open(workshop.File("rubbish.tar"));
        await AssertRefused(SluiceError.Image, null, rubbish);

        E2fs.Make(device, 64 << 20, "inline_data");
        MadeBase.Commit(device, workshop.File("inline.tar"), tar: true);
        await using IImageStore inline = Open(workshop.File("inline.tar"));
        await AssertRefused(SluiceError.Image, null, inline);
        await ConversionTests.AssertNoTagAsync(workshop);

        async Task AssertRefused(SluiceError error, string? culprit, IImageStore store)
        {
            string name = ReferenceEquals(store, workshop.Source) ? "a" : "";
            SluiceException thrown = await Assert.ThrowsAnyAsync<SluiceException>(() => workshop.ConvertAsync(new ConvertOptions { Block = new BlockImageOptions { Base = new BaseLayer(store, name) } }));
            Assert.Equal(error, thrown.Error);
            if (culprit is not null) Assert.Equal(culprit, thrown.Culprit);
        }
    }

    /// <summary>A root directory that no layer has an entry for keeps the time that mkfs gave it.</summary>
    private static async Task AssertSameTreeAsync(Workshop workshop) =>
        Assert.Equal([("/", "mtime")], (await workshop.CheckAsync()).Differences.Select(difference => (difference.Path, difference.What)));

    private static ConvertOptions OnBase(IImageStore store) => new() { Jobs = 2, Block = new BlockImageOptions { Base = new BaseLayer(store, "") } };

    internal static IImageStore Open(string file) => ImageStores.Open(ImageReference.Parse($"overlaybd:{file}"), new SourceOptions());
}
