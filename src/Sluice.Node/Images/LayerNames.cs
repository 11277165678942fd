using Sluice.Containerd.Snapshots;
using Sluice.Containerd.Snapshots.Lazy;
using Sluice.Formats;
using Sluice.Formats.Oci;
using Sluice.Formats.OverlayBd.Artifacts;
using Sluice.Formats.Rafs.Artifacts;

namespace Sluice.Node.Images;

/// <summary>
/// A node has one layer of a name, which is its chain id, whatever image it came with: an image must not bring other bytes under a name that containers of
/// other images may stand on. What a layer claims to be is in a configuration that anybody can write.
/// </summary>
/// <remarks>
/// <list type="bullet">
/// <item>A RAFS image is vouched for by its topmost layer, the bootstrap, which is downloaded whole: it has the digests of all data.</item>
/// <item>A block layer is its own diff, and nobody reads it whole: its digest is as good as the registry that serves it. So a block image stands for
/// images of its own registry only.</item>
/// </list>
/// </remarks>
internal static class LayerNames
{
    /// <summary>Checks what a data layer claims before anything is downloaded. Layers that refer to ordinary ones (zran) have no diff that could be told from the manifest.</summary>
    /// <param name="below">Chain id of the layers below; empty for the lowest.</param>
    /// <exception cref="SluiceException">The layer is not the one that its chain id means, or nothing says which one it is.</exception>
    public static void Check(string below, IReadOnlyDictionary<string, string> labels)
    {
        bool isBlob = labels.ContainsKey(NydusAnnotations.Blob) && !labels.ContainsKey(NydusAnnotations.Bootstrap) && !labels.ContainsKey(NydusAnnotations.Reference);
        if (isBlob || labels.ContainsKey(OverlayBdAnnotations.BlobDigest)) Check(below, labels, FindDigest(labels));
    }

    /// <inheritdoc cref="Check(string, IReadOnlyDictionary{string, string})"/>
    /// <param name="diffId">What the layer is.</param>
    public static void Check(string below, IReadOnlyDictionary<string, string> labels, Digest? diffId)
    {
        if (!labels.TryGetValue(SnapshotLabels.Reference, out string? chain)) return;
        if (diffId is not { } found || ChainId.Above(below, found).ToString() != chain) throw WrongLayers(labels);
    }

    /// <summary>A layer that is here already is asked for: may it be what it is asked for?</summary>
    /// <param name="known">What the layer was recorded with.</param>
    /// <param name="knownLabels">Of its snapshot.</param>
    /// <param name="labels">Of the request.</param>
    /// <exception cref="SluiceException">It is part of a block image of another registry.</exception>
    public static void CheckShared(LazyImage known, IReadOnlyDictionary<string, string> knownLabels, IReadOnlyDictionary<string, string> labels)
    {
        if (!knownLabels.ContainsKey(OverlayBdAnnotations.BlobDigest)) return;
        if (LayerRoles.Of(labels) == LayerRole.Data) return; // nothing stands on it: the image has a topmost layer of its own
        CheckRegistry(known.Reference, labels.GetValueOrDefault(SnapshotLabels.ImageReference, ""));
    }

    /// <param name="known">An image whose block layers are here.</param>
    /// <param name="wanted">An image with the same layers; empty for one that nobody names.</param>
    /// <exception cref="SluiceException">They are in different registries.</exception>
    public static void CheckRegistry(string known, string wanted)
    {
        string registry = ImageReference.Parse(known).Host;
        if (wanted.Length > 0 && ImageReference.Parse(wanted).Host == registry) return;
        throw new SluiceException(
            SluiceError.Image, wanted.Length > 0 ? wanted : "an ordinary image",
            $"its layers are here as those of {known}, and nothing proves that another registry than {registry} has the same bytes under their digests",
            $"pull it from {registry}, or remove {known} from containerd first");
    }

    public static SluiceException WrongLayers(IReadOnlyDictionary<string, string> labels) => new(
        SluiceError.Image, labels.GetValueOrDefault(SnapshotLabels.ImageReference, "the image"),
        $"the diff id of layer {labels.GetValueOrDefault(SnapshotLabels.LayerDigest, "without digest")} in the configuration is not its digest, or that of a layer below is not", "convert the image again");

    public static Digest? FindDigest(IReadOnlyDictionary<string, string> labels) =>
        Digest.TryParse(labels.GetValueOrDefault(SnapshotLabels.LayerDigest, labels.GetValueOrDefault(OverlayBdAnnotations.BlobDigest, "")), out Digest blob) ? blob : null;
}
