namespace Sluice.Formats.Oci;

/// <summary>Where an <see cref="ImageReference"/> points.</summary>
public enum ImageTransport
{
    /// <summary><c>docker://</c>: a repository of a registry.</summary>
    Registry,

    /// <summary><c>oci:</c>: an OCI layout directory.</summary>
    Layout,

    /// <summary><c>oci-archive:</c>: a tar file of an OCI layout.</summary>
    Archive,

    /// <summary><c>overlaybd:</c>: an OverlayBD device configuration, <c>config.v1.json</c>.</summary>
    Device,
}
