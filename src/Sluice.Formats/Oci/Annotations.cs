namespace Sluice.Formats.Oci;

/// <summary>Annotation keys that Sluice reads or writes. Source: OCI image-spec 1.1, annotations.md; containerd.</summary>
public static class Annotations
{
    /// <summary>The tag of an entry of a layout's <c>index.json</c>.</summary>
    public const string RefName = "org.opencontainers.image.ref.name";

    public const string Created = "org.opencontainers.image.created";

    /// <summary>The full name of an entry in an archive that containerd exported.</summary>
    public const string ContainerdImageName = "io.containerd.image.name";
}
