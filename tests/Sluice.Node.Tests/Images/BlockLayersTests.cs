using Sluice.Containerd.Client;
using Sluice.Containerd.Snapshots;
using Sluice.Containerd.Snapshots.Lazy;
using Sluice.Formats;
using Sluice.Formats.Oci;
using Sluice.Formats.OverlayBd.Artifacts;
using Sluice.Formats.Rafs.Artifacts;
using Sluice.Node.Images;
using Sluice.Storage.Images;

namespace Sluice.Node.Tests.Images;

public sealed class BlockLayersTests
{
    private static readonly Digest[] Blobs = [.. Enumerable.Range(0, 4).Select(layer => Digest.Sha256([(byte)layer]))];
    private static readonly IReadOnlyList<Digest> Chain = ChainId.All(Blobs);

    [Fact]
    public void The_first_layers_are_an_image_of_their_own()
    {
        LazyImage[] prefixes = [.. Enumerable.Range(1, 3).Select(count => BlockLayers.FindPrefix("r/app:v1", Layers(count))!)];
        Assert.Equal(3, prefixes.Select(prefix => prefix.Key).Distinct().Count());
        Assert.Equal(prefixes[1].Key, BlockLayers.FindPrefix("other/app:v2", Layers(2))!.Key);
        Assert.Equal("r/app:v1", prefixes[1].Reference);
        byte[] manifest = prefixes[2].Made!.ToBytes();
        Assert.Equal(Digest.Sha256(manifest), prefixes[2].Key.Manifest);
        IReadOnlyList<Descriptor> layers = RemoteBlockImage.FindLayers(ImageManifest.Parse(manifest))!;
        Assert.Equal(Blobs[..3], layers.Select(layer => layer.Digest));
        Assert.Equal([1000, 1001, 1002], layers.Select(layer => layer.Size));
    }

    [Fact]
    public void A_trace_is_no_part_of_the_device()
    {
        Dictionary<string, string>[] layers = Layers(4);
        layers[3][OverlayBdAnnotations.AccelerationLayer] = "yes";
        Assert.Equal(Blobs[..3], RemoteBlockImage.FindLayers(BlockLayers.FindPrefix("r/app:v1", layers)!.Made!)!.Select(layer => layer.Digest));
    }

    [Fact]
    public void What_is_no_stack_of_block_layers_is_no_prefix()
    {
        Assert.Null(BlockLayers.FindPrefix("r", []));
        Assert.Null(BlockLayers.FindPrefix("r", [new Dictionary<string, string> { [NydusAnnotations.Blob] = "true" }]));
        Change(labels => labels.Remove(OverlayBdAnnotations.BlobDigest));
        Change(labels => labels.Remove(OverlayBdAnnotations.BlobSize));
        Change(labels => labels[OverlayBdAnnotations.BlobSize] = "-1");
        Change(labels => labels[OverlayBdAnnotations.TargetDigest] = Blobs[0].ToString());
        Change(labels => labels[SnapshotLabels.LayerDigest] = "nonsense");
        Change(labels => labels[SnapshotLabels.LayerDigest] = Blobs[3].ToString()); // not what the chain id says

        static void Change(Action<Dictionary<string, string>> change)
        {
            Dictionary<string, string>[] layers = Layers(3);
            change(layers[1]);
            Assert.Null(BlockLayers.FindPrefix("r", layers));
        }
    }

    [Fact]
    public void A_layer_must_be_the_one_that_its_chain_id_means()
    {
        LayerNames.Check("", Layers(2)[0]);
        LayerNames.Check(Chain[0].ToString(), Layers(2)[1]);
        Assert.Equal(SluiceError.Image, Assert.Throws<SluiceException>(() => LayerNames.Check("", Layers(2)[1])).Error);
        Assert.Equal(SluiceError.Image, Assert.Throws<SluiceException>(() => LayerNames.Check(Chain[1].ToString(), Layers(2)[1])).Error);
        LayerNames.Check("", new Dictionary<string, string> { [NydusAnnotations.Blob] = "true", [NydusAnnotations.Reference] = "an ordinary layer", [SnapshotLabels.Reference] = "anything" });
    }

    [Fact]
    public void A_layer_that_nothing_identifies_is_refused()
    {
        Refused(labels => labels[SnapshotLabels.LayerDigest] = "nonsense");
        Refused(labels => labels[SnapshotLabels.LayerDigest] = Blobs[3].ToString());
        Refused(labels =>
        {
            labels.Remove(OverlayBdAnnotations.BlobSize);
            labels[SnapshotLabels.LayerDigest] = Blobs[3].ToString();
        });

        static void Refused(Action<Dictionary<string, string>> change)
        {
            Dictionary<string, string> labels = Layers(1)[0];
            change(labels);
            Assert.Equal(SluiceError.Image, Assert.Throws<SluiceException>(() => LayerNames.Check("", labels)).Error);
        }
    }

    [Fact]
    public void The_layers_of_the_device_decide_which_snapshot_it_is()
    {
        Dictionary<string, string>[] layers = Layers(4);
        Assert.Equal([false, false, true], layers[..3].Select(labels => BlockLayers.Completes(Blobs[..3], labels)));
        Assert.Throws<SluiceException>(() => BlockLayers.Completes(Blobs[..3], layers[3])); // a manifest without this layer
        Assert.Throws<SluiceException>(() => BlockLayers.Completes([Blobs[1], Blobs[0]], layers[1]));
        layers[3][OverlayBdAnnotations.AccelerationLayer] = "yes";
        Assert.True(BlockLayers.Completes(Blobs[..3], layers[3]));
        Assert.Throws<SluiceException>(() => BlockLayers.Completes(Blobs[..2], layers[3]));
    }

    private static Dictionary<string, string>[] Layers(int count) =>
    [
        .. Enumerable.Range(0, count).Select(layer => new Dictionary<string, string>
        {
            [SnapshotLabels.Reference] = Chain[layer].ToString(),
            [SnapshotLabels.LayerDigest] = Blobs[layer].ToString(),
            [OverlayBdAnnotations.BlobDigest] = Blobs[layer].ToString(),
            [OverlayBdAnnotations.BlobSize] = $"{1000 + layer}",
        }),
    ];
}
