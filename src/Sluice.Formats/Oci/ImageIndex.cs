using System.Diagnostics.CodeAnalysis;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace Sluice.Formats.Oci;

/// <summary>
/// A list of manifests, usually one for each platform. Sources: OCI image-spec 1.1, image-index.md; Docker manifest list (same shape).
/// </summary>
public sealed record ImageIndex
{
    private const string Format = "image index";

    [JsonPropertyName("schemaVersion")]
    public int SchemaVersion { get; init; } = 2;

    [JsonPropertyName("mediaType")]
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? MediaType { get; init; } = MediaTypes.OciIndex;

    [JsonPropertyName("artifactType")]
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? ArtifactType { get; init; }

    /// <summary>Some writers say null for none.</summary>
    [JsonPropertyName("manifests")]
    [AllowNull]
    public required IReadOnlyList<Descriptor> Manifests { get; init => field = value ?? []; }

    [JsonPropertyName("subject")]
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public Descriptor? Subject { get; init; }

    [JsonPropertyName("annotations")]
    [JsonConverter(typeof(AnnotationsJsonConverter))]
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public IReadOnlyDictionary<string, string>? Annotations { get; init; }

    /// <summary>Fields that Sluice does not know; kept when the index is written again.</summary>
    [JsonExtensionData]
    public IDictionary<string, JsonElement>? Extra { get; set; }

    /// <inheritdoc cref="ImageManifest.Parse"/>
    public static ImageIndex Parse(ReadOnlySpan<byte> content, string? mediaType = null)
    {
        ImageIndex index = OciJson.Parse(content, OciLimits.Manifest, Format, OciJsonContext.Default.ImageIndex);
        OciJson.CheckKind(index.SchemaVersion, index.MediaType, mediaType, "layers", index.Extra, Format);
        if (index.Manifests.Count > OciLimits.IndexEntries)
        {
            throw new InvalidFormatException(Format, $"has {index.Manifests.Count} entries, more than the allowed {OciLimits.IndexEntries}");
        }

        foreach (Descriptor manifest in index.Manifests) OciJson.CheckDescriptor(manifest, Format);
        if (index.Subject is not null) OciJson.CheckDescriptor(index.Subject, Format);
        return index;
    }

    /// <summary>
    /// The entries that run on <paramref name="machine"/>, the best first. Among equals plain images come before artifacts
    /// (accelerated images carry an artifact type or, older ones, <c>os.features</c>), then those with the same
    /// <c>os.features</c> as <paramref name="machine"/>, then the order of the index decides. Entries without platform come last.
    /// </summary>
    public IReadOnlyList<Descriptor> Select(Platform machine) =>
    [
        .. Manifests
            .Select(entry => (Entry: entry, Rank: entry.Platform is null ? int.MaxValue : machine.Rank(entry.Platform)))
            .Where(candidate => candidate.Rank >= 0)
            .OrderBy(candidate => candidate.Rank)
            .ThenBy(candidate => candidate.Entry.ArtifactType is null ? 0 : 1)
            .ThenBy(candidate => SameFeatures(candidate.Entry.Platform?.OsFeatures, machine.OsFeatures) ? 0 : 1)
            .Select(candidate => candidate.Entry),
    ];

    /// <inheritdoc cref="ImageManifest.ToBytes"/>
    public byte[] ToBytes() => OciJson.ToBytes(this, OciJsonContext.Default.ImageIndex);

    private static bool SameFeatures(IReadOnlyList<string>? left, IReadOnlyList<string>? right) =>
        new HashSet<string>(left ?? [], StringComparer.Ordinal).SetEquals(right ?? []);
}
