using System.Text;
using Sluice.Build.Convert;
using Sluice.Build.Tests.Support;
using Sluice.Formats;
using Sluice.Formats.Oci;
using Sluice.Formats.OverlayBd;
using Sluice.Formats.OverlayBd.Lsmt;
using Sluice.Formats.OverlayBd.ZFile;
using Sluice.Storage.Images;
using Sluice.Storage.Sources;
using Sluice.Testing.Images;

namespace Sluice.Build.Tests.Convert.OverlayBd;

/// <summary>Manifests, annotations and identities, field by field as overlaybd's converter has them.</summary>
public sealed class BlockManifestTests
{
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task The_manifest_is_what_overlaybd_expects(bool docker)
    {
        await using var workshop = new Workshop();
        await new TestImage { Docker = docker }.Layer(l => l.File("a", "1")).Layer(l => l.File("b", "2")).Layer(l => l.File("c", "3")).StoreAsync(workshop.Source, "a");
        ConvertResult result = await workshop.ConvertAsync(BlockConversionTests.Options);
        StoredImage source = await Workshop.ResolveAsync(workshop.Source), image = await Workshop.ResolveAsync(workshop.Destination);
        ImageConfig before = await source.ReadConfigAsync(CancellationToken.None), after = await image.ReadConfigAsync(CancellationToken.None);

        Assert.Equal(MediaTypes.OciManifest, image.Stored.MediaType);
        Assert.Equal(MediaTypes.OciConfig, image.Manifest.Config.MediaType);
        Assert.Equal(image.Manifest.Layers.Select(layer => layer.Digest), after.DiffIds); // such a tar is its own diff
        Assert.Equal(before.History.Select(step => step.CreatedBy), after.History.Select(step => step.CreatedBy));
        Assert.Equal(before.Created, after.Created);
        Assert.Equal(before.Runtime.ToString(), after.Runtime.ToString());

        Digest chain = default;
        string parent = "00000000-0000-0000-0000-000000000000";
        for (int i = 0; i < 3; i++)
        {
            Descriptor layer = image.Manifest.Layers[i];
            Assert.Equal("application/vnd.oci.image.layer.v1.tar", layer.MediaType);
            var annotations = new SortedDictionary<string, string>(layer.Annotations!.ToDictionary(), StringComparer.Ordinal);
            Assert.True(annotations.Remove("io.sluice.conversion"));
            Assert.Equal(
                new SortedDictionary<string, string>(StringComparer.Ordinal)
                {
                    ["containerd.io/snapshot/overlaybd/blob-digest"] = layer.Digest.ToString(),
                    ["containerd.io/snapshot/overlaybd/blob-size"] = layer.Size.ToString(),
                    ["containerd.io/snapshot/overlaybd/version"] = "0.1.0",
                    ["containerd.io/snapshot/overlaybd/blob-fs-type"] = "ext4",
                },
                annotations);
            chain = chain.IsEmpty ? before.DiffIds[i] : Digest.Sha256(Encoding.ASCII.GetBytes($"{chain} {before.DiffIds[i]}"));
            string uuid = $"{chain.Hex[..8]}-{chain.Hex[8..12]}-{chain.Hex[12..16]}-{chain.Hex[16..20]}-{chain.Hex[20..32]}";
            using BlockLayer block = StackedLayers.Read(workshop.BlobFile("destination", layer.Digest));
            Assert.Equal((uuid, parent, BlockConversionTests.Size), (block.Trailer.Uuid, block.Trailer.ParentUuid, block.Trailer.VirtualSize));
            Assert.Equal((TarWrapper.PaxPayloadOffset, ZFileAlgorithm.Zstd, 16384, true), (block.PayloadOffset, block.ZFile!.Codec.Algorithm, block.ZFile.Codec.BlockSize, block.ZFile.Codec.HasChecksums));
            Assert.Equal(0, block.Trailer.IndexCount % 256);
            parent = uuid;
        }

        Assert.Equal(3, result.Images[0].Layers.Count);
    }

    [Fact]
    public async Task A_flattened_image_has_one_layer_and_the_same_tree()
    {
        await using var workshop = new Workshop();
        await Samples.Everything().StoreAsync(workshop.Source, "a");
        ConvertResult result = await workshop.ConvertAsync(BlockConversionTests.Options with { Block = BlockConversionTests.Options.Block! with { Flatten = true } });
        StoredImage image = await Workshop.ResolveAsync(workshop.Destination);
        Descriptor layer = Assert.Single(image.Manifest.Layers);
        ImageConfig config = await image.ReadConfigAsync(CancellationToken.None);
        Assert.Equal([layer.Digest], config.DiffIds);
        Assert.Single(config.History, step => !step.EmptyLayer);
        using BlockLayer block = StackedLayers.Read(workshop.BlobFile("destination", layer.Digest));
        Assert.Equal(LsmtHeader.NoUuid, block.Trailer.ParentUuid);
        Assert.Equal(StackedLayers.DataBytes(block), block.Trailer.IndexOffset - LsmtHeader.Size); // nothing unused
        Assert.Empty((await workshop.CheckAsync()).Differences);
        Assert.Equal([true], (await workshop.ConvertAsync(BlockConversionTests.Options with { Block = BlockConversionTests.Options.Block! with { Flatten = true } })).Images[0].Layers.Select(l => l.Reused));
        Assert.False(result.Images[0].Layers[0].Reused);
    }

    [Fact]
    public async Task Layers_of_an_earlier_conversion_are_taken_over_and_the_result_is_the_same()
    {
        await using var workshop = new Workshop();
        TestImage Image(string top) => new TestImage()
            .Layer(l => l.Directory("d", 0x1C0, 9).File("d/x", Samples.Bytes(50_000, 1)).Directory("o").File("o/hidden", "h").File("w", Samples.Bytes(9_000, 2)).Link("l", "d").Link("long", new string('d', 200)))
            .Layer(l => l.HardLink("hl", "d/x").File("d/y", "y").Opaque("o").Whiteout("w").File("l/z", "z").File("twice", "one").File("twice", "two"))
            .Layer(l => l.File("top", top).File("d/more", new byte[20_000]).File("l/again", Samples.Bytes(30_000, 3)));
        await Image("1").StoreAsync(workshop.Source, "a");
        await workshop.ConvertAsync(BlockConversionTests.Options);
        await Image("2").StoreAsync(workshop.Source, "a");
        ConvertResult reused = await workshop.ConvertAsync(BlockConversionTests.Options);
        Assert.Equal([true, true, false], reused.Images[0].Layers.Select(l => l.Reused));
        ConvertResult fresh = await workshop.ConvertAsync(BlockConversionTests.Options with { Reuse = false }, to: "fresh");
        Assert.Equal(fresh.Manifest.Digest, reused.Manifest.Digest);
        Assert.Empty((await workshop.CheckAsync()).Differences);
        ConvertResult other = await workshop.ConvertAsync(BlockConversionTests.Options with { Block = BlockConversionTests.Options.Block! with { BlockSize = 8192 } });
        Assert.All(other.Images[0].Layers, layer => Assert.False(layer.Reused));
    }

    [Fact]
    public async Task A_damaged_blob_is_made_again()
    {
        await using var workshop = new Workshop();
        await Samples.Everything().StoreAsync(workshop.Source, "a");
        ConvertResult first = await workshop.ConvertAsync(BlockConversionTests.Options);
        await File.WriteAllBytesAsync(workshop.BlobFile("destination", first.Images[0].Layers[1].Blob.Digest), [1, 2, 3]);
        ConvertResult second = await workshop.ConvertAsync(BlockConversionTests.Options);
        Assert.Equal([true, false], second.Images[0].Layers.Select(l => l.Reused));
        Assert.Equal(first.Manifest.Digest, second.Manifest.Digest);
        Assert.Empty((await workshop.CheckAsync()).Differences);
    }

    [Fact]
    public async Task An_index_is_converted_whole()
    {
        await using var workshop = new Workshop();
        StoredManifest one = await Samples.Everything().StoreAsync(workshop.Source, null);
        StoredManifest other = await new TestImage { Platform = new Platform { Os = "linux", Architecture = "riscv64" } }.Layer(l => l.File("r", "v")).StoreAsync(workshop.Source, null);
        byte[] index = new ImageIndex
        {
            Manifests =
            [
                one.ToDescriptor() with { Platform = Platform.Host },
                other.ToDescriptor() with { Platform = new Platform { Os = "linux", Architecture = "riscv64" } },
            ],
        }.ToBytes();
        await workshop.Source.PutManifestAsync(new StoredManifest(MediaTypes.OciIndex, Digest.Sha256(index), index), "a", CancellationToken.None);
        ConvertResult result = await workshop.ConvertAsync(BlockConversionTests.Options with { AllPlatforms = true });
        Assert.Equal(2, result.Images.Count);
        Assert.Equal(MediaTypes.OciIndex, result.Manifest.MediaType);
        Assert.Empty((await workshop.CheckAsync()).Differences);
    }

    [Fact]
    public async Task What_is_converted_already_and_what_has_no_layers_is_refused()
    {
        await using var workshop = new Workshop();
        await Samples.Everything().StoreAsync(workshop.Source, "a");
        await workshop.ConvertAsync(BlockConversionTests.Options);
        foreach (ConvertOptions options in (ConvertOptions[])[BlockConversionTests.Options, Workshop.Small])
        {
            var again = new ImageConverter(workshop.Destination, workshop.Destination, options);
            Assert.Equal(SluiceError.Image, (await Assert.ThrowsAsync<SluiceException>(() => again.ConvertAsync("a", "b", CancellationToken.None))).Error);
        }

        await new TestImage().StoreAsync(workshop.Source, "none");
        Assert.Equal(SluiceError.Image, (await Assert.ThrowsAsync<SluiceException>(() => workshop.ConvertAsync(BlockConversionTests.Options, from: "none"))).Error);
    }
}
