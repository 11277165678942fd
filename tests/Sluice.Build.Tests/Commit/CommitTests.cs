using Sluice.Build.Check;
using Sluice.Build.Commit;
using Sluice.Build.Tests.OverlayBd;
using Sluice.Build.Tests.Support;
using Sluice.Formats;
using Sluice.Formats.Oci;
using Sluice.Formats.OverlayBd;
using Sluice.Formats.OverlayBd.ZFile;
using Sluice.Storage.Disks.Uppers;
using Sluice.Storage.Images;
using Sluice.Storage.Sources;
using Sluice.Testing.Ext4;
using Sluice.Testing.Images;

namespace Sluice.Build.Tests.Commit;

/// <summary>What was written to a device becomes a layer.</summary>
public sealed class CommitTests
{
    private const string Changes = """
        rm -r usr/bin
        mkdir -p new/deep
        head -c 3000000 /dev/urandom > new/deep/random
        head -c 5000000 /dev/zero > new/zeros
        ln new/deep/random new/linked
        ln -s nowhere new/link
        mknod new/pipe p
        chmod 4711 etc/passwd
        chown 70001:70002 etc/empty
        echo more >> etc/passwd
        touch -d 2001-02-03T04:05:06.789 etc/empty
        for i in $(seq 300); do echo $i > "new/deep/file with a long name $i"; done
        """;

    [Theory]
    [InlineData(false, ZFileAlgorithm.Lz4, 4096)]
    [InlineData(true, ZFileAlgorithm.Zstd, 16384)]
    public async Task The_image_has_the_tree_that_the_kernel_saw(bool sparse, ZFileAlgorithm algorithm, int blockSize)
    {
        await using CommitWorkshop shop = await CommitWorkshop.CreateAsync();
        CommitOptions options = CommitWorkshop.Options with { Algorithm = algorithm, BlockSize = blockSize };
        string before = await shop.DeviceAsync("a"), after = await shop.DeviceAsync("a");
        string[] tree = KernelView.Mount(after, writable: true, Changes);
        using IUpper upper = shop.Upper(before, after, sparse);
        CommittedLayer made = Assert.Single((await shop.CommitAsync("a", "b", options, CommitWorkshop.Layer(upper))).Layers);
        string device = await shop.DeviceAsync("b");
        Assert.Equal(await File.ReadAllBytesAsync(after), await File.ReadAllBytesAsync(device));
        E2fs.AssertClean(device);
        Assert.Equal(tree, KernelView.Mount(device, writable: false));
        using BlockLayer layer = StackedLayers.Read(shop.Workshop.BlobFile("destination", made.Blob.Digest));
        Assert.Equal(StackedLayers.DataBytes(layer), layer.Trailer.IndexOffset - 4096); // no garbage
        Assert.Equal((algorithm, blockSize), (layer.ZFile!.Codec.Algorithm, layer.ZFile.Codec.BlockSize));
    }

    [Fact]
    public async Task Manifest_and_configuration_grow_by_one_layer()
    {
        await using CommitWorkshop shop = await CommitWorkshop.CreateAsync();
        string before = await shop.DeviceAsync("a"), after = await shop.DeviceAsync("a");
        E2fs.Debug(after, "mkdir /new", write: true);
        using IUpper upper = shop.Upper(before, after);
        await shop.CommitAsync("a", "b", CommitWorkshop.Options, CommitWorkshop.Layer(upper));
        StoredImage old = await shop.ImageAsync(), image = await shop.ImageAsync("b");
        ImageConfig was = await old.ReadConfigAsync(CancellationToken.None), config = await image.ReadConfigAsync(CancellationToken.None);
        Descriptor made = image.Manifest.Layers[^1];
        Assert.Equal(old.Manifest.Layers.Select(l => l.Digest), image.Manifest.Layers.SkipLast(1).Select(l => l.Digest));
        Assert.Equal(image.Manifest.Layers.Select(l => l.Digest), config.DiffIds);
        Assert.Equal("2026-01-02T03:04:05Z", config.Created);
        Assert.Equal(("2026-01-02T03:04:05Z", "sluice commit", "what was done", false), (config.History[^1].Created, config.History[^1].CreatedBy, config.History[^1].Comment, config.History[^1].EmptyLayer));
        Assert.Equal(config.DiffIds.Count, config.History.Count(step => !step.EmptyLayer));
        Assert.Equal(was.Runtime.ToString(), config.Runtime.ToString());
        Assert.Equal("application/vnd.oci.image.layer.v1.tar", made.MediaType);
        Assert.Equal(
            (made.Digest.ToString(), made.Size.ToString(), "0.1.0", "ext4"),
            (Note("blob-digest"), Note("blob-size"), Note("version"), Note("blob-fs-type")));
        using BlockLayer below = StackedLayers.Read(shop.Workshop.BlobFile("destination", old.Manifest.Layers[^1].Digest)), layer = StackedLayers.Read(shop.Workshop.BlobFile("destination", made.Digest));
        Assert.Equal((below.Trailer.Uuid, below.Trailer.VirtualSize, TarWrapper.PaxPayloadOffset), (layer.Trailer.ParentUuid, layer.Trailer.VirtualSize, layer.PayloadOffset));
        Assert.NotEqual(below.Trailer.Uuid, layer.Trailer.Uuid);

        string Note(string name) => made.Annotations!["containerd.io/snapshot/overlaybd/" + name];
    }

    [Fact]
    public async Task Equal_changes_make_equal_images_and_known_layers_are_not_made_again()
    {
        await using CommitWorkshop shop = await CommitWorkshop.CreateAsync();
        string[] devices = [await shop.DeviceAsync("a"), await shop.DeviceAsync("a"), await shop.DeviceAsync("a")];
        E2fs.Debug(devices[1], "mkdir /one", write: true);
        File.Copy(devices[1], devices[2], overwrite: true);
        E2fs.Debug(devices[2], "mkdir /two", write: true);
        using IUpper one = shop.Upper(devices[0], devices[1]), same = shop.Upper(devices[0], devices[1], sparse: true), two = shop.Upper(devices[1], devices[2]);
        CommitResult first = await shop.CommitAsync("a", "b", CommitWorkshop.Options, CommitWorkshop.Layer(one));
        CommitResult again = await shop.CommitAsync("a", "c", CommitWorkshop.Options with { Jobs = 1 }, CommitWorkshop.Layer(same));
        Assert.Equal(first.Manifest.Digest, again.Manifest.Digest);

        CommitLayer known = new((_, _) => Assert.Fail("is not asked for")) { Known = first.Layers[0].Blob };
        CommitResult second = await shop.CommitAsync("a", "d", CommitWorkshop.Options, known, CommitWorkshop.Layer(two));
        CommitResult fresh = await shop.CommitAsync("a", "e", CommitWorkshop.Options, CommitWorkshop.Layer(one), CommitWorkshop.Layer(two));
        Assert.Equal([true, false], second.Layers.Select(layer => layer.Reused));
        Assert.Equal(fresh.Manifest.Digest, second.Manifest.Digest);
        Assert.Equal(await File.ReadAllBytesAsync(devices[2]), await File.ReadAllBytesAsync(await shop.DeviceAsync("d")));

        // With other options it is another layer.
        CommitResult other = await shop.CommitAsync("a", "f", CommitWorkshop.Options with { BlockSize = 8192 }, CommitWorkshop.Layer(one) with { Known = first.Layers[0].Blob });
        Assert.False(other.Layers[0].Reused);

        // One that stands on the committed image continues it.
        CommitResult upon = await shop.CommitAsync("b", "g", CommitWorkshop.Options, CommitWorkshop.Layer(two));
        Assert.Equal(second.Layers[1].Blob.Digest, upon.Layers[0].Blob.Digest);
    }

    [Fact]
    public async Task Without_changes_only_the_history_grows()
    {
        await using CommitWorkshop shop = await CommitWorkshop.CreateAsync();
        await shop.CommitAsync("a", "b", CommitWorkshop.Options);
        StoredImage image = await shop.ImageAsync("b");
        Assert.Equal((await shop.ImageAsync()).Manifest.Layers.Select(l => l.Digest), image.Manifest.Layers.Select(l => l.Digest));
        Assert.True((await image.ReadConfigAsync(CancellationToken.None)).History[^1].EmptyLayer);
    }

    [Fact]
    public async Task Layers_go_to_another_place_and_archives()
    {
        await using CommitWorkshop shop = await CommitWorkshop.CreateAsync();
        string before = await shop.DeviceAsync("a"), after = await shop.DeviceAsync("a");
        E2fs.Debug(after, "mkdir /new", write: true);
        using IUpper upper = shop.Upper(before, after);
        Digest expected = (await shop.CommitAsync("a", "b", CommitWorkshop.Options, CommitWorkshop.Layer(upper))).Manifest.Digest;
        foreach (string place in (string[])[$"oci:{shop.Workshop.File("elsewhere")}", $"oci-archive:{shop.Workshop.File("image.tar")}"])
        {
            ImageReference reference = ImageReference.Parse(place + ":v1");
            await using (IImageStore store = ImageStores.Open(reference, new SourceOptions()))
            {
                CommitResult result = await (await CommitWorkshop.NewAsync(await shop.ImageAsync(), store, CommitWorkshop.Options)).RunAsync([CommitWorkshop.Layer(upper)], reference.Tag, CancellationToken.None);
                Assert.Equal(expected, result.Manifest.Digest);
            }

            await using IImageStore written = ImageStores.Open(reference, new SourceOptions());
            StoredImage image = await Workshop.ResolveAsync(written, "v1"), same = await shop.ImageAsync("b");
            Assert.Empty((await new ImageChecker(same, image, new CheckOptions()).RunAsync(CancellationToken.None)).Differences);
        }
    }

    [Fact]
    public async Task What_is_no_block_image_is_refused()
    {
        await using CommitWorkshop shop = await CommitWorkshop.CreateAsync();
        await shop.Workshop.ConvertAsync(to: "rafs");
        foreach (StoredImage image in (StoredImage[])[await Workshop.ResolveAsync(shop.Workshop.Source), await shop.ImageAsync("rafs")])
        {
            ImageCommit commit = await CommitWorkshop.NewAsync(image, shop.Workshop.Destination, CommitWorkshop.Options);
            Assert.Equal(SluiceError.Image, (await Assert.ThrowsAsync<SluiceException>(() => commit.RunAsync([], "x", CancellationToken.None))).Error);
        }

        ImageCommit wrong = await CommitWorkshop.NewAsync(await shop.ImageAsync(), shop.Workshop.Destination, CommitWorkshop.Options with { BlockSize = 5000 });
        Assert.Equal(SluiceError.Usage, (await Assert.ThrowsAsync<SluiceException>(() => wrong.RunAsync([], "x", CancellationToken.None))).Error);
    }
}
