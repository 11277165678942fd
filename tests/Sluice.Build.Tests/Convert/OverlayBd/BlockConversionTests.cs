using Sluice.Build.Convert;
using Sluice.Build.Tests.OverlayBd;
using Sluice.Build.Tests.Support;
using Sluice.Formats;
using Sluice.Formats.Ext4;
using Sluice.Formats.Oci;
using Sluice.Formats.OverlayBd.ZFile;
using Sluice.Formats.Tar;
using Sluice.Formats.Trees;
using Sluice.Testing.Ext4;
using Sluice.Testing.Images;

namespace Sluice.Build.Tests.Convert.OverlayBd;

public sealed class BlockConversionTests
{
    internal const long Size = 96L << 20;

    internal static ConvertOptions Options => new() { Jobs = 2, Block = new BlockImageOptions { VirtualSize = Size } };

    public static readonly TheoryData<int> Seeds = [.. Enumerable.Range(1, 20)];

    [Theory]
    [MemberData(nameof(Seeds))]
    public async Task Layers_stack_to_a_clean_ext4_with_the_merged_tree(int seed)
    {
        await using var workshop = new Workshop();
        var random = new RandomLayers(seed);
        var model = new ImageModel();
        var image = new TestImage();
        for (int layer = 0; layer < 4; layer++)
        {
            byte[] tar = random.Next(model.Root, 30 + (layer * 20));
            model.Apply(tar);
            image.Layer(TestLayer.Raw(tar, MediaTypes.OciLayer));
        }

        await image.StoreAsync(workshop.Source, "a");
        ConvertOptions options = Options with
        {
            Block = new BlockImageOptions { VirtualSize = Size, Algorithm = seed % 2 == 0 ? ZFileAlgorithm.Zstd : ZFileAlgorithm.Lz4, BlockSize = 4096 << (seed % 5), Flatten = seed % 7 == 0 },
        };
        ConvertResult result = await workshop.ConvertAsync(options);
        AssertHolds(workshop, result.Images[0], model);
    }

    [Fact]
    public async Task Every_prefix_of_the_layers_is_a_clean_file_system()
    {
        await using var workshop = new Workshop();
        await Samples.Everything().StoreAsync(workshop.Source, "a");
        ConvertResult result = await workshop.ConvertAsync(Options);
        string[] blobs = Blobs(workshop, result.Images[0]);
        for (int count = 1; count <= blobs.Length; count++)
        {
            string device = workshop.File($"device{count}");
            StackedLayers.Flatten(blobs[..count], device);
            E2fs.AssertClean(device);
        }
    }

    [Theory]
    [InlineData(4, false)]
    [InlineData(64, false)]
    [InlineData(4, true)]
    public async Task The_same_input_gives_the_same_bytes_whatever_the_threads(int blockKiB, bool flatten)
    {
        await using var workshop = new Workshop();
        var image = new TestImage();
        for (int layer = 0; layer < 3; layer++)
        {
            int seed = layer * 100;
            image.Layer(l =>
            {
                for (int i = 0; i < 60; i++) l.File($"f{i + (seed / 3)}", Samples.Bytes(i * 999, seed + i));
            });
        }

        await image.StoreAsync(workshop.Source, "a");
        var digests = new List<Digest>();
        foreach (int jobs in (int[])[1, 2, 7])
        {
            ConvertOptions options = Options with { Jobs = jobs, Reuse = false, Block = Options.Block! with { BlockSize = blockKiB << 10, Flatten = flatten } };
            digests.Add((await workshop.ConvertAsync(options, to: $"jobs{jobs}")).Manifest.Digest);
        }

        Assert.Single(digests.Distinct());
    }

    [Fact]
    public async Task A_small_layer_stays_small()
    {
        await using var workshop = new Workshop();
        byte[] content = new byte[10_240];
        new Random(1).NextBytes(content);
        await new TestImage()
            .Layer(l =>
            {
                l.Directory("usr").Directory("usr/share");
                for (int i = 0; i < 3000; i++) l.File($"usr/share/file {i}", $"content {i}");
            })
            .Layer(l => l.Directory("usr/share/new").File("usr/share/new/file", content))
            .StoreAsync(workshop.Source, "a");
        ConvertResult result = await workshop.ConvertAsync(Options with { Block = new BlockImageOptions() });
        Assert.InRange(result.Images[0].Layers[1].Blob.Size, 10_240, 20 << 10);
        Assert.True(result.Images[0].Layers[1].DuplicateBytes > 10_000);
    }

    [Fact]
    public async Task Zeros_cost_nothing_and_still_hide_what_is_below()
    {
        await using var workshop = new Workshop();
        byte[] zeros = new byte[8 << 20];
        byte[] first = new TestLayer().File("a", Samples.Bytes(8 << 20, 1)).ToTar(), second = new TestLayer().Whiteout("a").File("b", zeros).ToTar(), third = new TestLayer().File("c", zeros).ToTar();
        var model = new ImageModel();
        var image = new TestImage();
        foreach (byte[] tar in (byte[][])[first, second, third])
        {
            model.Apply(tar);
            image.Layer(TestLayer.Raw(tar, MediaTypes.OciLayer));
        }

        await image.StoreAsync(workshop.Source, "a");
        // So small that the zeros of the second and third layer must come to lie where the first file was.
        ConvertedImage converted = (await workshop.ConvertAsync(Options with { Block = new BlockImageOptions { VirtualSize = 20 << 20 } })).Images[0];
        Assert.True(converted.Layers[1].Blob.Size < 16 << 10);
        Assert.True(converted.Layers[2].Blob.Size < 16 << 10);
        AssertHolds(workshop, converted, model);
    }

    [Fact]
    public async Task A_device_that_is_too_small_gives_an_error_that_names_the_option()
    {
        await using var workshop = new Workshop();
        await new TestImage().Layer(l => l.File("a", new byte[5 << 20])).StoreAsync(workshop.Source, "a");
        var error = await Assert.ThrowsAsync<Ext4FullException>(() => workshop.ConvertAsync(Options with { Block = new BlockImageOptions { VirtualSize = 4 << 20 } }));
        Assert.Contains("--vsize", error.Hint, StringComparison.Ordinal);
        await ConversionTests.AssertNoTagAsync(workshop);
    }

    [Fact]
    public async Task A_long_link_of_a_lower_layer_is_read_back_and_followed()
    {
        await using var workshop = new Workshop();
        string deep = string.Join('/', Enumerable.Repeat("directory", 12));
        var model = new ImageModel();
        var image = new TestImage();
        foreach (byte[] tar in (byte[][])[new TestLayer().Link("l", deep).Directory(deep).ToTar(), new TestLayer().File("l/x", "through the link").ToTar()])
        {
            model.Apply(tar);
            image.Layer(TestLayer.Raw(tar, MediaTypes.OciLayer));
        }

        await image.StoreAsync(workshop.Source, "a");
        AssertHolds(workshop, (await workshop.ConvertAsync(Options)).Images[0], model);
    }

    [Theory]
    [InlineData(5000, Size, 1, "--block-size")]
    [InlineData(131072, Size, 1, "--block-size")]
    [InlineData(4096, 4096, 1, "--vsize")]
    [InlineData(4096, Size + 1, 1, "--vsize")]
    [InlineData(4096, 1L << 50, 1, "--vsize")]
    [InlineData(4096, Size, 0, "--jobs")]
    public async Task Senseless_options_are_refused(int blockSize, long size, int jobs, string name)
    {
        await using var workshop = new Workshop();
        SluiceException error = await Assert.ThrowsAsync<SluiceException>(() =>
            workshop.ConvertAsync(new ConvertOptions { Jobs = jobs, Block = new BlockImageOptions { BlockSize = blockSize, VirtualSize = size } }));
        Assert.Equal((SluiceError.Usage, name), (error.Error, error.Culprit));
    }

    internal static string[] Blobs(Workshop workshop, ConvertedImage image) => [.. image.Layers.Select(layer => workshop.BlobFile("destination", layer.Blob.Digest))];

    private static void AssertHolds(Workshop workshop, ConvertedImage image, ImageModel model)
    {
        string device = workshop.File("device");
        StackedLayers.Flatten(Blobs(workshop, image).Distinct(), device);
        E2fs.AssertClean(device);
        using var store = new FileBlockStore(device);
        model.AssertIs(Ext4Reader.Read(store));
    }
}
