using System.Buffers;
using System.Text.Json;

namespace Sluice.Formats.Oci;

/// <summary>
/// The configuration of a container image. Only what Sluice works with is read; everything else is kept byte by byte and
/// in its order, so that <see cref="WithLayers"/> changes nothing but layers and history. Source: OCI image-spec 1.1, config.md.
/// </summary>
public sealed class ImageConfig
{
    private const string Format = "image config";

    private readonly JsonElement _document;
    private readonly string? _created;

    private ImageConfig(JsonElement document, IReadOnlyList<Digest> diffIds, IReadOnlyList<HistoryEntry> history, string? created = null)
    {
        _document = document;
        _created = created;
        DiffIds = diffIds;
        History = history;
    }

    /// <summary>Digests of the uncompressed layers, lowest first.</summary>
    public IReadOnlyList<Digest> DiffIds { get; }

    /// <summary>Empty where the image has none.</summary>
    public IReadOnlyList<HistoryEntry> History { get; }

    /// <summary>What the image runs on; null if it does not say.</summary>
    public Platform? Platform => Text("architecture") is { Length: > 0 } architecture && Text("os") is { Length: > 0 } os
        ? new Platform { Architecture = architecture, Os = os, Variant = Text("variant"), OsVersion = Text("os.version") }
        : null;

    /// <summary>RFC 3339, as it was written; null if the image does not say.</summary>
    public string? Created => _created ?? Text("created");

    /// <summary>The <c>config</c> object (user, environment, entry point …), untouched; null if there is none.</summary>
    public JsonElement? Runtime =>
        _document.TryGetProperty("config", out JsonElement runtime) && runtime.ValueKind == JsonValueKind.Object ? runtime : null;

    /// <exception cref="InvalidFormatException">Not an image configuration, or beyond the limits of <see cref="OciLimits"/>.</exception>
    public static ImageConfig Parse(ReadOnlySpan<byte> content)
    {
        JsonElement document = OciJson.ParseElement(content, OciLimits.Config, Format);
        if (document.ValueKind != JsonValueKind.Object) throw new InvalidFormatException(Format, "is not an object");
        return new ImageConfig(document, ReadDiffIds(document), ReadHistory(document));
    }

    /// <summary>A minimal configuration without layers.</summary>
    public static ImageConfig Create(Platform platform)
    {
        ArrayBufferWriter<byte> buffer = new();
        using (Utf8JsonWriter writer = new(buffer, OciJson.WriterOptions))
        {
            writer.WriteStartObject();
            writer.WriteString("architecture", platform.Architecture);
            if (platform.Variant is not null) writer.WriteString("variant", platform.Variant);
            writer.WriteString("os", platform.Os);
            writer.WriteEndObject();
        }

        return new ImageConfig(JsonElement.Parse(buffer.WrittenSpan), [], []);
    }

    /// <summary>The same configuration with other layers.</summary>
    public ImageConfig WithLayers(IReadOnlyList<Digest> diffIds, IReadOnlyList<HistoryEntry> history) => new(_document, diffIds, history, _created);

    /// <summary>The same configuration of another time.</summary>
    /// <param name="created">RFC 3339.</param>
    public ImageConfig WithCreated(string created) => new(_document, DiffIds, History, created);

    /// <summary>Checks that a manifest's layers and this configuration belong together.</summary>
    /// <exception cref="InvalidFormatException">They are not equally many.</exception>
    public void CheckLayers(ImageManifest manifest)
    {
        if (manifest.Layers.Count == DiffIds.Count) return;
        throw new InvalidFormatException(Format, $"lists {DiffIds.Count} diff ids, but the manifest has {manifest.Layers.Count} layers");
    }

    /// <summary>Deterministic JSON: the fields in the order in which they were read, unknown ones verbatim.</summary>
    public byte[] ToBytes()
    {
        ArrayBufferWriter<byte> buffer = new();
        using (Utf8JsonWriter writer = new(buffer, OciJson.WriterOptions))
        {
            bool rootFs = false, history = false, created = _created is null;
            writer.WriteStartObject();
            foreach (JsonProperty property in _document.EnumerateObject())
            {
                if (property.NameEquals("rootfs"))
                {
                    WriteRootFs(writer);
                    rootFs = true;
                }
                else if (property.NameEquals("history"))
                {
                    WriteHistory(writer);
                    history = true;
                }
                else if (_created is not null && property.NameEquals("created"))
                {
                    writer.WriteString("created", _created);
                    created = true;
                }
                else
                {
                    writer.WritePropertyName(property.Name);
                    writer.WriteRawValue(property.Value.GetRawText(), skipInputValidation: true);
                }
            }

            if (!created) writer.WriteString("created", _created);
            if (!rootFs) WriteRootFs(writer);
            if (!history) WriteHistory(writer);
            writer.WriteEndObject();
        }

        return buffer.WrittenSpan.ToArray();
    }

    private static List<Digest> ReadDiffIds(JsonElement document)
    {
        if (!document.TryGetProperty("rootfs", out JsonElement rootFs) || rootFs.ValueKind != JsonValueKind.Object)
        {
            throw new InvalidFormatException(Format, "has no rootfs: it is not the configuration of a container image");
        }

        if (rootFs.TryGetProperty("type", out JsonElement type) && !(type.ValueKind == JsonValueKind.String && type.ValueEquals("layers")))
        {
            throw new InvalidFormatException(Format, "has a rootfs of another type than 'layers'");
        }

        List<Digest> diffIds = [];
        if (!rootFs.TryGetProperty("diff_ids", out JsonElement list) || list.ValueKind == JsonValueKind.Null) return diffIds;
        if (list.ValueKind != JsonValueKind.Array) throw new InvalidFormatException(Format, "has diff_ids that are not a list");
        if (list.GetArrayLength() > OciLimits.Layers)
        {
            throw new InvalidFormatException(Format, $"has {list.GetArrayLength()} diff ids, more than the allowed {OciLimits.Layers}");
        }

        foreach (JsonElement item in list.EnumerateArray())
        {
            if (item.ValueKind != JsonValueKind.String || !Digest.TryParse(item.GetString(), out Digest digest))
            {
                throw new InvalidFormatException(Format, $"has the diff id {Shorten(item.GetRawText())}, which is not a sha256 or sha512 digest");
            }

            diffIds.Add(digest);
        }

        return diffIds;
    }

    private static List<HistoryEntry> ReadHistory(JsonElement document)
    {
        List<HistoryEntry> history = [];
        if (!document.TryGetProperty("history", out JsonElement list) || list.ValueKind == JsonValueKind.Null) return history;
        if (list.ValueKind != JsonValueKind.Array) throw new InvalidFormatException(Format, "has a history that is not a list");
        if (list.GetArrayLength() > OciLimits.History)
        {
            throw new InvalidFormatException(Format, $"has {list.GetArrayLength()} history entries, more than the allowed {OciLimits.History}");
        }

        try
        {
            foreach (JsonElement item in list.EnumerateArray())
            {
                history.Add(item.Deserialize(OciJsonContext.Default.HistoryEntry) ?? throw new InvalidFormatException(Format, "has a null history entry"));
            }
        }
        catch (JsonException error)
        {
            throw new InvalidFormatException(Format, $"has a bad history entry: {error.Message}", inner: error);
        }

        return history;
    }

    private static string Shorten(string text) => text.Length <= 100 ? text : text[..100] + "…";

    private void WriteRootFs(Utf8JsonWriter writer)
    {
        writer.WriteStartObject("rootfs");
        writer.WriteString("type", "layers");
        writer.WriteStartArray("diff_ids");
        foreach (Digest digest in DiffIds) writer.WriteStringValue(digest.ToString());
        writer.WriteEndArray();
        writer.WriteEndObject();
    }

    private void WriteHistory(Utf8JsonWriter writer)
    {
        writer.WriteStartArray("history");
        foreach (HistoryEntry entry in History) JsonSerializer.Serialize(writer, entry, OciJsonContext.Default.HistoryEntry);
        writer.WriteEndArray();
    }

    private string? Text(string name) =>
        _document.TryGetProperty(name, out JsonElement value) && value.ValueKind == JsonValueKind.String ? value.GetString() : null;
}
