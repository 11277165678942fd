using System.Diagnostics.CodeAnalysis;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace Sluice.Formats.Oci;

/// <summary>
/// A manifest: one configuration and the layers in order, lowest first; or an artifact, whose <see cref="ArtifactType"/>
/// says what it is. Sources: OCI image-spec 1.1, manifest.md; Docker image manifest version 2, schema 2 (same shape).
/// </summary>
public sealed record ImageManifest
{
    private const string Format = "image manifest";

    [JsonPropertyName("schemaVersion")]
    public int SchemaVersion { get; init; } = 2;

    [JsonPropertyName("mediaType")]
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? MediaType { get; init; } = MediaTypes.OciManifest;

    [JsonPropertyName("artifactType")]
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? ArtifactType { get; init; }

    [JsonPropertyName("config")]
    public required Descriptor Config { get; init; }

    /// <summary>Lowest first. The same layer may appear more than once. Some writers say null for none.</summary>
    [JsonPropertyName("layers")]
    [AllowNull]
    public required IReadOnlyList<Descriptor> Layers { get; init => field = value ?? []; }

    /// <summary>The manifest that this one refers to (a signature's image, an accelerated image's source).</summary>
    [JsonPropertyName("subject")]
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public Descriptor? Subject { get; init; }

    [JsonPropertyName("annotations")]
    [JsonConverter(typeof(AnnotationsJsonConverter))]
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public IReadOnlyDictionary<string, string>? Annotations { get; init; }

    /// <summary>Fields that Sluice does not know; kept when the manifest is written again.</summary>
    [JsonExtensionData]
    public IDictionary<string, JsonElement>? Extra { get; set; }

    /// <summary>What kind of artifact this is where it is none of a container image: <see cref="ArtifactType"/>, else the configuration's media type.</summary>
    [JsonIgnore]
    public string EffectiveArtifactType => ArtifactType ?? Config.MediaType;

    /// <summary>True for a manifest with the configuration of a container image (and not of a signature, a chart …).</summary>
    [JsonIgnore]
    public bool IsContainerImage => MediaTypes.IsConfig(Config.MediaType);

    /// <param name="content">The manifest as it is stored, at most <see cref="OciLimits.Manifest"/> bytes.</param>
    /// <param name="mediaType">What the store or descriptor says it is; the document must not say otherwise. Null when unknown.</param>
    /// <exception cref="InvalidFormatException">Not a manifest, beyond the limits of <see cref="OciLimits"/>, or of another kind than it says.</exception>
    public static ImageManifest Parse(ReadOnlySpan<byte> content, string? mediaType = null)
    {
        ImageManifest manifest = OciJson.Parse(content, OciLimits.Manifest, Format, OciJsonContext.Default.ImageManifest);
        OciJson.CheckKind(manifest.SchemaVersion, manifest.MediaType, mediaType, "manifests", manifest.Extra, Format);
        if (manifest.Layers.Count > OciLimits.Layers)
        {
            throw new InvalidFormatException(Format, $"has {manifest.Layers.Count} layers, more than the allowed {OciLimits.Layers}");
        }

        OciJson.CheckDescriptor(manifest.Config, Format);
        foreach (Descriptor layer in manifest.Layers) OciJson.CheckDescriptor(layer, Format);
        if (manifest.Subject is not null) OciJson.CheckDescriptor(manifest.Subject, Format);
        return manifest;
    }

    /// <summary>Compact JSON in the order of the specification, map keys sorted: equal manifests have equal bytes.</summary>
    public byte[] ToBytes() => OciJson.ToBytes(this, OciJsonContext.Default.ImageManifest);
}
