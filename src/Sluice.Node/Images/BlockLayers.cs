using System.Globalization;
using Sluice.Containerd.Client;
using Sluice.Containerd.Snapshots;
using Sluice.Containerd.Snapshots.Lazy;
using Sluice.Formats;
using Sluice.Formats.Oci;
using Sluice.Formats.OverlayBd.Artifacts;

namespace Sluice.Node.Images;

/// <summary>
/// Layers of block images, told by the labels of their snapshots. The first so many layers of a block image are a block image too, and as a block layer is its
/// own diff, the chain id of a snapshot vouches for all layers below.
/// </summary>
internal static class BlockLayers
{
    /// <summary>What the manifests that this node makes say in place of a configuration: nobody reads it. The digest of <c>{}</c>, OCI image-spec 1.1, manifest.md.</summary>
    private static readonly Descriptor NoConfig = new() { MediaType = MediaTypes.OciEmpty, Digest = Digest.Sha256("{}"u8), Size = 2 };

    /// <summary>An image must not bring other layers under a name that containers of other images may stand on.</summary>
    /// <param name="below">Chain id of the layers below; empty for the lowest.</param>
    /// <exception cref="SluiceException">The layer is not the one that its chain id means.</exception>
    public static void Check(string below, IReadOnlyDictionary<string, string> labels)
    {
        if (FindBlob(labels) is not { } blob || !labels.TryGetValue(SnapshotLabels.Reference, out string? chain) || ChainId.Above(below, blob.Digest) == chain) return;
        throw new SluiceException(
            SluiceError.Image, labels.GetValueOrDefault(SnapshotLabels.ImageReference, "the image"), $"the diff id of block layer {blob.Digest} in the configuration is not its digest", "convert the image again");
    }

    /// <summary>The image that the layers make; null if one of them is no block layer.</summary>
    /// <param name="reference">Of an image that has all of them.</param>
    /// <param name="layers">Lowest first.</param>
    public static LazyImage? FindPrefix(string reference, IReadOnlyList<IReadOnlyDictionary<string, string>> layers)
    {
        List<Descriptor> blobs = [];
        string chain = "";
        foreach (IReadOnlyDictionary<string, string> labels in layers)
        {
            if (FindBlob(labels) is not { } blob) return null;
            chain = ChainId.Above(chain, blob.Digest);
            blobs.Add(blob);
        }

        if (layers.Count == 0 || layers[^1].GetValueOrDefault(SnapshotLabels.Reference) != chain) return null;
        var manifest = new ImageManifest { Config = NoConfig, Layers = blobs };
        return new LazyImage(new LazyImageKey(Digest.Sha256(manifest.ToBytes())), reference, manifest);
    }

    private static Descriptor? FindBlob(IReadOnlyDictionary<string, string> labels)
    {
        string? digest = labels.GetValueOrDefault(OverlayBdAnnotations.BlobDigest);
        if (!Digest.TryParse(labels.GetValueOrDefault(SnapshotLabels.LayerDigest, digest ?? ""), out Digest blob) || digest is null || labels.ContainsKey(OverlayBdAnnotations.TargetDigest)) return null;
        if (!long.TryParse(labels.GetValueOrDefault(OverlayBdAnnotations.BlobSize), NumberStyles.None, CultureInfo.InvariantCulture, out long size)) return null;
        Dictionary<string, string> annotations = new(StringComparer.Ordinal) { [OverlayBdAnnotations.BlobDigest] = blob.ToString() };
        if (labels.ContainsKey(OverlayBdAnnotations.AccelerationLayer)) annotations[OverlayBdAnnotations.AccelerationLayer] = "yes";
        return new Descriptor { MediaType = MediaTypes.OciLayer, Digest = blob, Size = size, Annotations = annotations };
    }
}
