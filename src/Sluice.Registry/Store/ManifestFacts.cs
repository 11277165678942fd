using System.Buffers;
using System.Text.Json;
using Sluice.Formats;
using Sluice.Formats.Oci;

namespace Sluice.Registry.Store;

/// <summary>What a registry must know of a manifest or index: its type, what it refers to, and what it is attached to.</summary>
internal sealed class ManifestFacts
{
    private const string Format = "manifest";

    private ManifestFacts(string mediaType) => MediaType = mediaType;

    public string MediaType { get; }

    /// <summary>What the manifest is attached to, or null.</summary>
    public Digest? Subject { get; private set; }

    /// <summary>The field of that name or, if it is missing, the media type of the configuration; null if there is neither.</summary>
    public string? ArtifactType { get; private set; }

    /// <summary>Config, layers and blobs that must be in the repository, with their sizes.</summary>
    public List<(Digest Digest, long Size)> Blobs { get; } = [];

    /// <summary>Manifests of an index that must be in the repository.</summary>
    public List<(Digest Digest, long Size)> Manifests { get; } = [];

    private JsonElement Annotations { get; set; }

    /// <param name="declaredType">The media type that the client declared, or null.</param>
    /// <exception cref="InvalidFormatException">Not a manifest: not JSON, a field of the wrong kind, a bad descriptor, or no or contradicting media types.</exception>
    public static ManifestFacts Parse(ReadOnlyMemory<byte> content, string? declaredType)
    {
        try
        {
            using JsonDocument document = JsonDocument.Parse(content);
            return Parse(document.RootElement, declaredType);
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            // The second: a string that is not Unicode, found only when it is read.
            throw new InvalidFormatException(Format, $"not JSON: {e.Message}", inner: e);
        }
    }

    /// <summary>The descriptor that a list of referrers shows for this manifest, as JSON.</summary>
    public byte[] WriteDescriptor(Digest digest, long size)
    {
        ArrayBufferWriter<byte> buffer = new();
        using (Utf8JsonWriter writer = new(buffer))
        {
            writer.WriteStartObject();
            writer.WriteString("mediaType", MediaType);
            writer.WriteString("digest", digest.ToString());
            writer.WriteNumber("size", size);
            if (ArtifactType is not null) writer.WriteString("artifactType", ArtifactType);
            if (Annotations.ValueKind == JsonValueKind.Object)
            {
                writer.WritePropertyName("annotations");
                Annotations.WriteTo(writer);
            }

            writer.WriteEndObject();
        }

        return buffer.WrittenSpan.ToArray();
    }

    private static ManifestFacts Parse(JsonElement root, string? declaredType)
    {
        if (root.ValueKind != JsonValueKind.Object) throw new InvalidFormatException(Format, "not a JSON object");
        string? embedded = Text(root, "mediaType");
        if (embedded is not null && declaredType is not null && embedded != declaredType)
            throw new InvalidFormatException(Format, $"it says it is {embedded}, but was declared as {declaredType}");
        string mediaType = embedded ?? declaredType ?? Guess(root);
        ManifestFacts facts = new(mediaType) { ArtifactType = Text(root, "artifactType") };
        if (root.TryGetProperty("annotations", out JsonElement annotations)) facts.Annotations = CloneStrings(annotations);
        if (root.TryGetProperty("subject", out JsonElement subject) && subject.ValueKind != JsonValueKind.Null)
            facts.Subject = ParseDescriptor(subject, "subject").Digest;
        if (root.TryGetProperty("config", out JsonElement config) && config.ValueKind != JsonValueKind.Null)
        {
            facts.Blobs.Add(ParseDescriptor(config, "config"));
            if (string.IsNullOrEmpty(facts.ArtifactType)) facts.ArtifactType = Text(config, "mediaType");
        }

        foreach (JsonElement layer in (JsonElement[])[.. Items(root, "layers"), .. Items(root, "blobs")])
        {
            (Digest, long) descriptor = ParseDescriptor(layer, "layers");
            if (!IsForeign(layer)) facts.Blobs.Add(descriptor);
        }

        foreach (JsonElement manifest in Items(root, "manifests"))
        {
            (Digest, long) descriptor = ParseDescriptor(manifest, "manifests");
            if (!IsForeign(manifest)) facts.Manifests.Add(descriptor);
        }

        return facts;
    }

    /// <summary>OCI leaves the field out at times; what the manifest holds tells then.</summary>
    private static string Guess(JsonElement root) =>
        root.TryGetProperty("manifests", out _) ? MediaTypes.OciIndex
        : root.TryGetProperty("config", out _) ? MediaTypes.OciManifest
        : throw new InvalidFormatException(Format, "it has no media type");

    /// <summary>Content that the registry does not keep because its descriptor says where else it is.</summary>
    private static bool IsForeign(JsonElement descriptor) =>
        descriptor.TryGetProperty("urls", out JsonElement urls) && urls.ValueKind == JsonValueKind.Array && urls.GetArrayLength() > 0;

    private static (Digest Digest, long Size) ParseDescriptor(JsonElement descriptor, string field)
    {
        if (descriptor.ValueKind != JsonValueKind.Object) throw new InvalidFormatException(Format, $"'{field}' holds something else than descriptors");
        if (!Digest.TryParse(Text(descriptor, "digest"), out Digest digest)) throw new InvalidFormatException(Format, $"a descriptor of '{field}' has no valid digest");
        if (!descriptor.TryGetProperty("size", out JsonElement size) || size.ValueKind != JsonValueKind.Number || !size.TryGetInt64(out long bytes) || bytes < 0)
            throw new InvalidFormatException(Format, $"a descriptor of '{field}' has no valid size");
        return (digest, bytes);
    }

    /// <exception cref="InvalidFormatException">Not an object of strings.</exception>
    private static JsonElement CloneStrings(JsonElement element)
    {
        if (element.ValueKind == JsonValueKind.Null) return default;
        if (element.ValueKind != JsonValueKind.Object) throw new InvalidFormatException(Format, "'annotations' is not an object");
        foreach (JsonProperty property in element.EnumerateObject())
        {
            if (property.Value.ValueKind != JsonValueKind.String) throw new InvalidFormatException(Format, $"annotation '{property.Name}' is not a string");
            property.Value.GetString();
        }

        return element.Clone();
    }

    private static string? Text(JsonElement parent, string field)
    {
        if (!parent.TryGetProperty(field, out JsonElement value) || value.ValueKind == JsonValueKind.Null) return null;
        return value.ValueKind == JsonValueKind.String ? value.GetString() : throw new InvalidFormatException(Format, $"'{field}' is not a string");
    }

    private static JsonElement.ArrayEnumerator Items(JsonElement parent, string field)
    {
        if (!parent.TryGetProperty(field, out JsonElement value) || value.ValueKind == JsonValueKind.Null) return default;
        return value.ValueKind == JsonValueKind.Array ? value.EnumerateArray() : throw new InvalidFormatException(Format, $"'{field}' is not a list");
    }
}
