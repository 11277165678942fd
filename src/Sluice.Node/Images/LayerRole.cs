using Sluice.Containerd.Snapshots;
using Sluice.Formats;
using Sluice.Formats.OverlayBd.Artifacts;
using Sluice.Formats.Rafs.Artifacts;

namespace Sluice.Node.Images;

/// <summary>What a layer is to its lazy image.</summary>
internal enum LayerRole
{
    /// <summary>A part of the data: nothing is mounted for it.</summary>
    Data,

    /// <summary>With it the image is whole: the bootstrap of a RAFS image, the topmost layer of a block image.</summary>
    Completes,
}

/// <summary>Tells roles by the labels that containerd sends for a layer.</summary>
internal static class LayerRoles
{
    /// <summary>Null for a layer of an ordinary image.</summary>
    /// <exception cref="SluiceException">A kind of layer that would be taken for an ordinary one and is none.</exception>
    public static LayerRole? Of(IReadOnlyDictionary<string, string> labels)
    {
        if (labels.ContainsKey(NydusAnnotations.Bootstrap)) return LayerRole.Completes;
        if (labels.ContainsKey(NydusAnnotations.Blob)) return LayerRole.Data;
        if (labels.ContainsKey(OverlayBdAnnotations.TargetDigest))
        {
            throw new SluiceException(
                SluiceError.Image, labels.GetValueOrDefault(SnapshotLabels.ImageReference, "the image"), "TurboOCI images (an index over ordinary layers) are not served", "pull the image that it was made from");
        }

        if (!labels.ContainsKey(OverlayBdAnnotations.BlobDigest)) return null;

        // The list begins with this layer; it is cut where it gets too long, but never to one. Without it nobody can tell, and waiting for
        // the metadata at each layer is right too.
        return labels.TryGetValue(SnapshotLabels.ImageLayers, out string? layers) && layers.Contains(',', StringComparison.Ordinal) ? LayerRole.Data : LayerRole.Completes;
    }
}
