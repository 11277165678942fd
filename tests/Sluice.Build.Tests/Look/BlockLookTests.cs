using Sluice.Build.Check;
using Sluice.Build.Convert;
using Sluice.Build.Look;
using Sluice.Build.Tests.Convert.OverlayBd;
using Sluice.Build.Tests.Support;
using Sluice.Build.Tests.Unpack;
using Sluice.Build.Unpack;
using Sluice.Formats;
using Sluice.Formats.Oci;
using Sluice.Formats.OverlayBd.Artifacts;
using Sluice.Formats.Trees;
using Sluice.Storage.Images;
using Sluice.Storage.Sources;
using Sluice.Testing;
using Sluice.Testing.Images;

namespace Sluice.Build.Tests.Look;

/// <summary>Looking into block images, ours and those of the format's own tools.</summary>
public sealed class BlockLookTests
{
    [Fact]
    public async Task Every_kind_of_file_survives_and_the_check_reads_all_of_it()
    {
        await using var workshop = new Workshop();
        await Samples.Everything().StoreAsync(workshop.Source, "a");
        await workshop.ConvertAsync(BlockConversionTests.Options);
        CheckResult check = await workshop.CheckAsync();
        Assert.Empty(check.Differences);
        Assert.Empty(check.Notes);
        Assert.True(check.ContentCompared);
        Assert.False((await workshop.CheckAsync(new CheckOptions { MetadataOnly = true })).ContentCompared);
    }

    [Fact]
    public async Task A_changed_byte_is_found()
    {
        await using var workshop = new Workshop();
        await Samples.Everything().StoreAsync(workshop.Source, "a");
        await workshop.ConvertAsync(BlockConversionTests.Options);
        await Samples.Everything(seed: 2).StoreAsync(workshop.Source, "a");
        CheckResult check = await workshop.CheckAsync();
        Assert.Contains(check.Differences, d => d is { Path: "/usr/bin/tool", What: "content of chunk 0" });
    }

    [Fact]
    public async Task A_rafs_image_and_a_block_image_of_one_source_are_the_same()
    {
        await using var workshop = new Workshop();
        await new TestImage().Layer(l => l.Directory("d").File("d/a", Samples.Bytes(99_999, 1)).Link("l", "d")).StoreAsync(workshop.Source, "a");
        await workshop.ConvertAsync(BlockConversionTests.Options, to: "block");
        await workshop.ConvertAsync(to: "rafs");
        Assert.Empty((await workshop.CheckRafsAsync("rafs", "block", new CheckOptions())).Differences);
        Assert.Empty((await workshop.CheckRafsAsync("block", "rafs", new CheckOptions())).Differences);
    }

    [Fact]
    public async Task An_image_unpacked_to_a_tar_is_the_same_image_in_one_layer()
    {
        await using var workshop = new Workshop();
        await Samples.Everything().StoreAsync(workshop.Source, "a");
        await workshop.ConvertAsync(BlockConversionTests.Options);
        using var tar = new MemoryStream();
        using ImageContents contents = await UnpackTests.OpenAsync(workshop.Destination);
        UnpackResult result = await new TarUnpacker(contents, tar).RunAsync(CancellationToken.None);
        Assert.Empty(result.Warnings);
        await new TestImage().Layer(TestLayer.Raw(tar.ToArray(), MediaTypes.OciLayer)).StoreAsync(workshop.Destination, "flat");
        Assert.Empty((await workshop.CheckAsync(image: "flat")).Differences);
    }

    [Fact]
    public async Task One_file_of_a_large_image_costs_little()
    {
        await using var workshop = new Workshop();
        var random = new Random(1);
        var layer = new TestLayer();
        for (int i = 0; i < 100; i++)
        {
            byte[] content = new byte[100_000];
            random.NextBytes(content);
            layer.File($"f{i}", content);
        }

        await new TestImage().Layer(layer).StoreAsync(workshop.Source, "a");
        await workshop.ConvertAsync(BlockConversionTests.Options);
        using ImageContents contents = await UnpackTests.OpenAsync(workshop.Destination, window: 0);
        Inode file = ImageLookup.Find(contents, new FileName("f50"), followLast: true);
        Assert.InRange(contents.BytesFetched, 1, 300_000); // the end of the blob has all of the metadata
        long before = contents.BytesFetched;
        using var output = new MemoryStream();
        await contents.ReadAsync([file], new StreamSink(output), CancellationToken.None);
        Assert.Equal(100_000, output.Length);
        Assert.InRange(contents.BytesFetched - before, 100_000, 120_000);
        Assert.True(contents.BytesTotal > 10_000_000);
    }

    [Fact]
    public async Task Inspect_tells_what_the_layers_are()
    {
        await using var workshop = new Workshop();
        await Samples.Everything().StoreAsync(workshop.Source, "a");
        await workshop.ConvertAsync(BlockConversionTests.Options);
        ImageFacts facts = await ImageInspection.InspectAsync(await Workshop.ResolveAsync(workshop.Destination), CancellationToken.None);
        Assert.Null(facts.Rafs);
        Assert.Equal(BlockConversionTests.Size, facts.Device!.VirtualSize);
        Assert.Equal(2, facts.Device.Layers.Count);
        Assert.Equal(facts.Device.Layers[0].Uuid, facts.Device.Layers[1].ParentUuid);
        Assert.True(facts.BytesFetched > 0);
    }

    [Fact]
    public async Task Indexes_of_all_layers_together_are_bounded()
    {
        await using var workshop = new Workshop();
        await Samples.Everything().StoreAsync(workshop.Source, "a");
        await workshop.ConvertAsync(BlockConversionTests.Options);
        StoredImage image = await Workshop.ResolveAsync(workshop.Destination);
        Descriptor[] layers = [.. Enumerable.Repeat(RemoteBlockImage.LayersOf(image)[0], 200)];
        SluiceException error = await Assert.ThrowsAsync<SluiceException>(() => RemoteBlockImage.LoadAsync(image.Store, layers, CancellationToken.None, limit: 1 << 20));
        Assert.Equal(SluiceError.Image, error.Error);
        using RemoteBlockImage whole = await RemoteBlockImage.LoadAsync(image.Store, layers, CancellationToken.None);
        Assert.Equal(200, whole.Layers.Count);
    }

    [Fact]
    public async Task The_file_of_a_layer_is_an_image_to_look_into()
    {
        await using var workshop = new Workshop();
        await Samples.Everything().StoreAsync(workshop.Source, "a");
        Digest blob = (await workshop.ConvertAsync(BlockConversionTests.Options)).Images[0].Layers[0].Blob.Digest;
        await using IImageStore device = ImageStores.Open(ImageReference.Parse($"overlaybd:{workshop.BlobFile("destination", blob)}"), new SourceOptions());
        StoredImage image = await ImageResolver.ResolveAsync(device, "", Platform.Host, preferAccelerated: true, CancellationToken.None);
        ImageFacts facts = await ImageInspection.InspectAsync(image, CancellationToken.None);
        Assert.Null(facts.Platform);
        Assert.Equal(blob, Assert.Single(facts.Device!.Layers).Digest);

        foreach (string content in (string[])["root:x:0", "{}", """{"lowers":[null]}"""])
        {
            string file = workshop.File("config.v1.json");
            await File.WriteAllTextAsync(file, content);
            await using IImageStore wrong = ImageStores.Open(ImageReference.Parse($"overlaybd:{file}"), new SourceOptions());
            SluiceException error = await Assert.ThrowsAsync<SluiceException>(() => ImageResolver.ResolveAsync(wrong, "", Platform.Host, preferAccelerated: true, CancellationToken.None));
            Assert.Equal((SluiceError.Image, file), (error.Error, error.Culprit));
        }
    }

    [Fact]
    public async Task Damage_gives_an_error_that_names_the_layer()
    {
        await using var workshop = new Workshop();
        await new TestImage().Layer(l => l.File("a", Samples.Bytes(600_000, 1))).StoreAsync(workshop.Source, "a");
        Digest blob = (await workshop.ConvertAsync(BlockConversionTests.Options)).Images[0].Layers[0].Blob.Digest;
        byte[] content = await File.ReadAllBytesAsync(workshop.BlobFile("destination", blob));
        content.AsSpan(4000, 2048).Fill(7);
        await File.WriteAllBytesAsync(workshop.BlobFile("destination", blob), content);
        SluiceException error = await Assert.ThrowsAsync<SluiceException>(() => workshop.CheckAsync());
        Assert.Contains(blob.ToString(), error.Message, StringComparison.Ordinal);
        content.AsSpan(^6000).Fill(7);
        await File.WriteAllBytesAsync(workshop.BlobFile("destination", blob), content);
        Assert.Contains(blob.ToString(), (await Assert.ThrowsAnyAsync<SluiceException>(() => workshop.CheckAsync())).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Images_of_the_formats_own_tools_hold_the_tree_of_their_layers()
    {
        await using var workshop = new Workshop();
        var image = new TestImage();
        for (int i = 1; i <= 3; i++) image.Layer(TestLayer.Raw(await File.ReadAllBytesAsync(Golden.Path($"overlaybd/srctar/layer{i}.tar")), MediaTypes.OciLayer));
        await image.StoreAsync(workshop.Source, "a");
        await StoreGoldenAsync(workshop.Destination);
        CheckResult foreign = await workshop.CheckAsync(new CheckOptions { WholeSeconds = true });
        Assert.Equal(ToolsDiffer, foreign.Differences.Select(d => $"{d.Path} {d.What}").Order(StringComparer.Ordinal));
        Assert.True(foreign.ContentCompared);

        ConvertOptions gibibyte = BlockConversionTests.Options with { Block = new BlockImageOptions { VirtualSize = 1 << 30 } };
        ConvertResult ours = await workshop.ConvertAsync(gibibyte, to: "ours");
        Assert.Empty((await workshop.CheckAsync(image: "ours")).Differences);
        for (int i = 0; i < 3; i++)
            Assert.InRange(ours.Images[0].Layers[i].Blob.Size, 1, new FileInfo(Golden.Path($"overlaybd/tar/ext4_layer{i + 1}.tar")).Length);
    }

    private static readonly string[] ToolsDiffer = [];

    private static async Task StoreGoldenAsync(IImageStore store)
    {
        var layers = new List<Descriptor>();
        for (int i = 1; i <= 3; i++)
        {
            Descriptor layer = await TestImage.PutAsync(store, await File.ReadAllBytesAsync(Golden.Path($"overlaybd/tar/ext4_layer{i}.tar")), MediaTypes.OciLayer);
            layers.Add(layer with { Annotations = new Dictionary<string, string> { [OverlayBdAnnotations.BlobDigest] = layer.Digest.ToString(), [OverlayBdAnnotations.BlobSize] = layer.Size.ToString() } });
        }

        string config = $$$"""{"architecture":"amd64","os":"linux","rootfs":{"type":"layers","diff_ids":[{{{string.Join(',', layers.Select(l => $"\"{l.Digest}\""))}}}]}}""";
        byte[] manifest = new ImageManifest
        {
            Config = await TestImage.PutAsync(store, System.Text.Encoding.UTF8.GetBytes(config), MediaTypes.OciConfig),
            Layers = layers,
        }.ToBytes();
        await store.PutManifestAsync(new StoredManifest(MediaTypes.OciManifest, Digest.Sha256(manifest), manifest), "a", CancellationToken.None);
    }
}
