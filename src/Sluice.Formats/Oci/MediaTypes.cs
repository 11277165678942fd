using System.Text.Json;

namespace Sluice.Formats.Oci;

/// <summary>Media types of manifests, configurations and layers. Sources: OCI image-spec 1.1, Docker image manifest v2 schema 2, Nydus.</summary>
public static class MediaTypes
{
    public const string OciIndex = "application/vnd.oci.image.index.v1+json";
    public const string OciManifest = "application/vnd.oci.image.manifest.v1+json";
    public const string OciConfig = "application/vnd.oci.image.config.v1+json";
    public const string OciEmpty = "application/vnd.oci.empty.v1+json";
    public const string OciLayer = "application/vnd.oci.image.layer.v1.tar";
    public const string OciLayerGzip = "application/vnd.oci.image.layer.v1.tar+gzip";
    public const string OciLayerZstd = "application/vnd.oci.image.layer.v1.tar+zstd";
    public const string DockerManifestList = "application/vnd.docker.distribution.manifest.list.v2+json";
    public const string DockerManifest = "application/vnd.docker.distribution.manifest.v2+json";
    public const string DockerConfig = "application/vnd.docker.container.image.v1+json";
    public const string DockerLayer = "application/vnd.docker.image.rootfs.diff.tar";
    public const string DockerLayerGzip = "application/vnd.docker.image.rootfs.diff.tar.gzip";
    public const string DockerLayerZstd = "application/vnd.docker.image.rootfs.diff.tar.zstd";
    public const string NydusBlob = "application/vnd.oci.image.layer.nydus.blob.v1";
    public const string NydusManifestArtifact = "application/vnd.nydus.image.manifest.v1+json";
    public const string OverlayBdManifestArtifact = "application/vnd.containerd.overlaybd.native.v1+json";
    public const string NydusConfig = "application/vnd.nydus.image.config.v1+json";

    public static bool IsIndex(string mediaType) => mediaType is OciIndex or DockerManifestList;

    public static bool IsManifest(string mediaType) => mediaType is OciManifest or DockerManifest;

    public static bool IsConfig(string mediaType) => mediaType is OciConfig or DockerConfig or NydusConfig;

    /// <summary>
    /// What a manifest or index without a trustworthy label is: what it says itself, else what its fields look like.
    /// </summary>
    /// <exception cref="InvalidFormatException">Neither manifest nor index.</exception>
    public static string OfManifest(ReadOnlySpan<byte> content)
    {
        JsonElement document = OciJson.ParseElement(content, OciLimits.Manifest, "manifest");
        if (document.ValueKind == JsonValueKind.Object)
        {
            if (document.TryGetProperty("mediaType", out var says) && says.ValueKind == JsonValueKind.String) return says.GetString()!;
            if (document.TryGetProperty("manifests", out _)) return OciIndex;
            if (document.TryGetProperty("layers", out _) || document.TryGetProperty("config", out _)) return OciManifest;
        }

        throw new InvalidFormatException("manifest", "is neither a manifest nor an index");
    }
}
