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

    /// <summary>True if a snapshot stands for the whole device, false for a part of its layers. Which manifest a layer belongs to is said by labels, which nothing vouches for.</summary>
    /// <param name="layers">Of the device, lowest first.</param>
    /// <param name="labels">Of the snapshot.</param>
    /// <exception cref="SluiceException">Its chain id means other layers.</exception>
    public static bool Completes(IEnumerable<Digest> layers, IReadOnlyDictionary<string, string> labels)
    {
        string name = labels[SnapshotLabels.Reference];
        IReadOnlyList<Digest> chain = ChainId.All(layers);
        if (chain.Count > 0 && chain[^1].ToString() == name) return true;
        if (chain.Any(below => below.ToString() == name)) return false;
        bool isTrace = labels.ContainsKey(OverlayBdAnnotations.AccelerationLayer) && LayerNames.FindDigest(labels) is { } trace && ChainId.Above(chain[^1], trace).ToString() == name;
        return isTrace ? true : throw LayerNames.WrongLayers(labels);
    }

    /// <summary>The image that the layers make; null if one of them is no block layer.</summary>
    /// <param name="reference">Of an image that has all of them.</param>
    /// <param name="layers">Lowest first.</param>
    public static LazyImage? FindPrefix(string reference, IReadOnlyList<IReadOnlyDictionary<string, string>> layers)
    {
        List<Descriptor> blobs = [];
        Digest chain = default;
        foreach (IReadOnlyDictionary<string, string> labels in layers)
        {
            if (FindBlob(labels) is not { } blob) return null;
            chain = ChainId.Above(chain, blob.Digest);
            blobs.Add(blob);
        }

        if (layers.Count == 0 || layers[^1].GetValueOrDefault(SnapshotLabels.Reference) != chain.ToString()) return null;
        var manifest = new ImageManifest { Config = NoConfig, Layers = blobs };
        return new LazyImage(new LazyImageKey(Digest.Sha256(manifest.ToBytes())), reference, manifest);
    }

    private static Descriptor? FindBlob(IReadOnlyDictionary<string, string> labels)
    {
        if (!labels.ContainsKey(OverlayBdAnnotations.BlobDigest) || LayerNames.FindDigest(labels) is not { } blob || labels.ContainsKey(OverlayBdAnnotations.TargetDigest)) return null;
        if (!long.TryParse(labels.GetValueOrDefault(OverlayBdAnnotations.BlobSize), NumberStyles.None, CultureInfo.InvariantCulture, out long size)) return null;
        Dictionary<string, string> annotations = new(StringComparer.Ordinal) { [OverlayBdAnnotations.BlobDigest] = blob.ToString() };
        if (labels.ContainsKey(OverlayBdAnnotations.AccelerationLayer)) annotations[OverlayBdAnnotations.AccelerationLayer] = "yes";
        return new Descriptor { MediaType = MediaTypes.OciLayer, Digest = blob, Size = size, Annotations = annotations };
    }
}
