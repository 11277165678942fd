namespace Sluice.Containerd.Snapshots;

/// <summary>Labels with which containerd describes the layer that a snapshot is prepared for. Source: containerd 1.6, pkg/snapshotters.</summary>
public static class SnapshotLabels
{
    /// <summary>Chain id of the layer that is about to be unpacked; asks "do you have it already?".</summary>
    public const string Reference = "containerd.io/snapshot.ref";

    /// <summary>Manifest annotations with this prefix arrive as labels too.</summary>
    public const string InheritedPrefix = "containerd.io/snapshot/";

    public const string ImageReference = "containerd.io/snapshot/cri.image-ref";
    public const string ManifestDigest = "containerd.io/snapshot/cri.manifest-digest";
    public const string LayerDigest = "containerd.io/snapshot/cri.layer-digest";

    /// <summary>Comma-separated digests of this layer and those above it, as many as fit.</summary>
    public const string ImageLayers = "containerd.io/snapshot/cri.image-layers";

    /// <summary>How the container writes, <see cref="Lazy.WriteModes.Names"/>; the label of overlaybd's own snapshotter.</summary>
    public const string Writable = "containerd.io/snapshot/overlaybd.writable";

    /// <summary>Longest key and value of a label together, in bytes; containerd refuses more.</summary>
    public const int MaxLength = 4096;
}
