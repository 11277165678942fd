namespace Sluice.Formats.Rafs.Artifacts;

/// <summary>Annotations of RAFS images in registries. containerd hands those that begin with <c>containerd.io/snapshot/</c> to the snapshotter as labels.</summary>
public static class NydusAnnotations
{
    /// <summary><c>true</c> on a layer that is a data blob.</summary>
    public const string Blob = "containerd.io/snapshot/nydus-blob";

    /// <summary><c>true</c> on the layer, always the last, that holds the bootstrap.</summary>
    public const string Bootstrap = "containerd.io/snapshot/nydus-bootstrap";

    /// <summary><c>5</c> or <c>6</c>, beside <see cref="Bootstrap"/>.</summary>
    public const string FsVersion = "containerd.io/snapshot/nydus-fs-version";

    /// <summary>On a blob that refers to an OCI layer (zran): the digest of that layer, which holds the data.</summary>
    public const string Reference = "containerd.io/snapshot/nydus-ref";

    /// <summary>Digest of the OCI layer that a blob was made from.</summary>
    public const string SourceDigest = "containerd.io/snapshot/nydus-source-digest";

    /// <summary>Old way to mark a manifest of an index as RAFS: an entry of <c>os.features</c>.</summary>
    public const string OsFeature = "nydus.remoteimage.v1";
}
