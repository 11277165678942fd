using Sluice.Formats.Oci;

namespace Sluice.Formats.OverlayBd.Artifacts;

/// <summary>Annotations of the layers of OverlayBD images; the same words are labels of their snapshots.</summary>
public static class OverlayBdAnnotations
{
    /// <summary>Digest of the layer itself: marks a layer as a block device layer.</summary>
    public const string BlobDigest = "containerd.io/snapshot/overlaybd/blob-digest";

    /// <summary>Size of the layer's blob in bytes, decimal.</summary>
    public const string BlobSize = "containerd.io/snapshot/overlaybd/blob-size";

    /// <summary>Of the format: <see cref="NativeVersion"/>, or that of an index over an ordinary layer.</summary>
    public const string Version = "containerd.io/snapshot/overlaybd/version";

    /// <summary>File system on the device: <c>ext4</c>, or <c>type;mount options;mkfs options</c>.</summary>
    public const string FileSystem = "containerd.io/snapshot/overlaybd/blob-fs-type";

    /// <summary><c>yes</c> on a topmost layer that holds a trace and no blocks.</summary>
    public const string AccelerationLayer = "containerd.io/snapshot/overlaybd/acceleration-layer";

    /// <summary>Digest of the ordinary layer that an index layer stands for.</summary>
    public const string TargetDigest = "containerd.io/snapshot/overlaybd/turbo-oci/target-digest";

    /// <summary>Label: how a container writes: <c>dir</c> or <c>dev</c>.</summary>
    public const string Writable = "containerd.io/snapshot/overlaybd.writable";

    public const string NativeVersion = "0.1.0";

    /// <summary>A native layer as it stands in a manifest. Ordinary media type and, as such a tar is its own content, diff id = digest.</summary>
    /// <param name="fileSystem">See <see cref="FileSystem"/>.</param>
    public static Descriptor Describe(Digest digest, long size, string fileSystem) => new()
    {
        MediaType = MediaTypes.OciLayer,
        Digest = digest,
        Size = size,
        Annotations = new Dictionary<string, string>(StringComparer.Ordinal)
        {
            [BlobDigest] = digest.ToString(),
            [BlobSize] = size.ToString(System.Globalization.CultureInfo.InvariantCulture),
            [Version] = NativeVersion,
            [FileSystem] = fileSystem,
        },
    };

    /// <summary>True if the layers are those of a native OverlayBD image: every one but an acceleration layer is a block device layer.</summary>
    public static bool AreOn(ImageManifest manifest) =>
        manifest.Layers.Count > 0 && manifest.Layers.All(layer =>
            layer.Annotations is { } annotations && annotations.ContainsKey(BlobDigest) && !annotations.ContainsKey(TargetDigest));
}
