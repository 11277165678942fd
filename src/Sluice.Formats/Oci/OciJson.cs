using System.Buffers;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using System.Text.Unicode;

namespace Sluice.Formats.Oci;

/// <summary>Reading and writing of OCI documents: limits before parsing, one exception for bad bytes, one form of output.</summary>
internal static class OciJson
{
    /// <summary>Compact, and no escapes that JSON does not ask for.</summary>
    public static readonly JsonWriterOptions WriterOptions = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping, SkipValidation = false };

    public static T Parse<T>(ReadOnlySpan<byte> content, int limit, string format, JsonTypeInfo<T> type)
        where T : class
    {
        CheckSize(content.Length, limit, format);
        CheckText(content, format);
        try
        {
            return JsonSerializer.Deserialize(content, type) ?? throw new InvalidFormatException(format, "is null");
        }
        catch (JsonException error)
        {
            throw Invalid(format, error);
        }
    }

    /// <summary>The document as a value of its own, which needs no disposal.</summary>
    public static JsonElement ParseElement(ReadOnlySpan<byte> content, int limit, string format)
    {
        CheckSize(content.Length, limit, format);
        CheckText(content, format);
        try
        {
            return JsonElement.Parse(content, new JsonDocumentOptions { MaxDepth = OciLimits.JsonDepth, AllowDuplicateProperties = false });
        }
        catch (JsonException error)
        {
            throw Invalid(format, error);
        }
    }

    public static byte[] ToBytes<T>(T value, JsonTypeInfo<T> type)
    {
        ArrayBufferWriter<byte> buffer = new();
        using (Utf8JsonWriter writer = new(buffer, WriterOptions)) JsonSerializer.Serialize(writer, value, type);
        return buffer.WrittenSpan.ToArray();
    }

    public static void CheckDescriptor(Descriptor? descriptor, string format)
    {
        if (descriptor is null) throw new InvalidFormatException(format, "has a null descriptor");
        if (descriptor.Size < 0) throw new InvalidFormatException(format, $"has a descriptor of size {descriptor.Size}");
        if (descriptor.Digest.IsEmpty) throw new InvalidFormatException(format, "has a descriptor without digest");
        if (descriptor.MediaType.Length is 0 or > OciLimits.MediaType)
        {
            throw new InvalidFormatException(format, $"has a descriptor whose media type has {descriptor.MediaType.Length} characters");
        }
    }

    /// <summary>
    /// A document may only be read as what it says it is: one that is index and manifest at once shows different content
    /// to different readers (CVE-2021-41190).
    /// </summary>
    public static void CheckKind(int schemaVersion, string? says, string? expected, string foreignField, IDictionary<string, JsonElement>? extra, string format)
    {
        if (schemaVersion == 1 || extra?.ContainsKey("fsLayers") == true)
        {
            throw new InvalidFormatException(format, "is a Docker schema 1 manifest, which is obsolete: push the image again with a current tool");
        }

        if (schemaVersion != 2) throw new InvalidFormatException(format, $"has schemaVersion {schemaVersion}, not 2");
        if (says is not null && expected is not null && says != expected)
        {
            throw new InvalidFormatException(format, $"says that it is '{says}' but was delivered as '{expected}'");
        }

        if (extra?.ContainsKey(foreignField) == true) throw new InvalidFormatException(format, $"has a field '{foreignField}': it is manifest and index at once");
    }

    /// <summary>
    /// Every string must be Unicode text, also after its escapes (<c>\ud800</c> alone is none): the parser looks only when a
    /// string is used, and then fails in its own way.
    /// </summary>
    private static void CheckText(ReadOnlySpan<byte> content, string format)
    {
        if (!Utf8.IsValid(content)) throw new InvalidFormatException(format, "is not UTF-8 text");
        Utf8JsonReader reader = new(content, new JsonReaderOptions { MaxDepth = OciLimits.JsonDepth });
        try
        {
            while (reader.Read())
            {
                if (reader.TokenType is JsonTokenType.String or JsonTokenType.PropertyName && reader.ValueIsEscaped) reader.GetString();
            }
        }
        catch (JsonException error)
        {
            throw Invalid(format, error);
        }
        catch (InvalidOperationException error)
        {
            throw new InvalidFormatException(format, "has a string that is no Unicode text", reader.TokenStartIndex, error);
        }
    }

    private static void CheckSize(int length, int limit, string format)
    {
        if (length > limit) throw new InvalidFormatException(format, $"has {length} bytes, more than the allowed {limit}");
    }

    private static InvalidFormatException Invalid(string format, JsonException error) => new(format, error.Message, inner: error);
}
