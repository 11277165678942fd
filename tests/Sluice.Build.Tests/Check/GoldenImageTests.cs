using Sluice.Build.Check;
using Sluice.Build.Tests.Support;
using Sluice.Formats.Oci;
using Sluice.Formats.Rafs.Artifacts;
using Sluice.Storage.Sources;
using Sluice.Testing;
using Sluice.Testing.Images;

namespace Sluice.Build.Tests.Check;

/// <summary>Images that nydus-image made, checked against the layers that they were made from.</summary>
public class GoldenImageTests
{
    /// <summary>
    /// Where nydus-image goes another way than the image specification and containerd: directories without an entry in the upper
    /// layer lose the lower layer's time, and a whiteout in such a directory has no effect.
    /// </summary>
    private static readonly string[] NydusDiffers = ["/many mtime", "/many/file-with-a-rather-long-name-0000.txt only in the image", "/usr mtime"];

    [Theory]
    [InlineData("merged-native.boot", "native-l1.blob", "native-l2.blob")]
    [InlineData("merged-zran.boot", "zran-l1.blob", "zran-l2.blob", "layer1.tar.gz", "layer2.tar.gz")]
    public async Task Images_of_nydus_image_hold_the_tree_of_their_layers(string bootstrap, params string[] blobs)
    {
        await using var workshop = new Workshop();
        await new TestImage().Layer(TestLayer.Raw(Read("layer1.tar.gz"))).Layer(TestLayer.Raw(Read("layer2.tar.gz"))).StoreAsync(workshop.Source, "a");
        await StoreAsync(workshop.Destination, bootstrap, blobs);
        CheckResult result = await workshop.CheckAsync(new CheckOptions { WholeSeconds = true });
        Assert.Equal(NydusDiffers, result.Differences.Select(d => $"{d.Path} {d.What}").Order(StringComparer.Ordinal));
        Assert.Empty(result.Notes);
        Assert.True(result.ContentCompared);
        Assert.True(result.ChunksVerified > 0);

        // The other way round: the contents are read, because no side's digests fit the other's chunks.
        await workshop.ConvertAsync(to: "ours");
        CheckResult ours = await workshop.CheckRafsAsync("a", "ours", new CheckOptions { WholeSeconds = true });
        Assert.Equal(3, ours.DifferenceCount);
        Assert.True(ours.ContentCompared);
    }

    private static async Task StoreAsync(IImageStore store, string bootstrap, string[] blobs)
    {
        var layers = new List<Descriptor>();
        foreach (string blob in blobs) layers.Add(await TestImage.PutAsync(store, Read(blob), MediaTypes.NydusBlob));
        (byte[] content, Digest diffId) = new BootstrapLayer { Bootstrap = Read(bootstrap) }.Pack();
        Descriptor boot = await TestImage.PutAsync(store, content, MediaTypes.OciLayerGzip) with
        {
            Annotations = new Dictionary<string, string> { [NydusAnnotations.Bootstrap] = "true" },
        };
        string config = $$$"""{"architecture":"amd64","os":"linux","rootfs":{"type":"layers","diff_ids":["{{{diffId}}}"]}}""";
        byte[] manifest = new ImageManifest
        {
            Config = await TestImage.PutAsync(store, System.Text.Encoding.UTF8.GetBytes(config), MediaTypes.OciConfig),
            Layers = [.. layers, boot],
        }.ToBytes();
        await store.PutManifestAsync(new StoredManifest(MediaTypes.OciManifest, Digest.Sha256(manifest), manifest), "a", CancellationToken.None);
    }

    private static byte[] Read(string name) => File.ReadAllBytes(Golden.Path($"nydus/generated/{name}"));
}
