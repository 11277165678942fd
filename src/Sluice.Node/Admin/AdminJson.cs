using System.Text.Encodings.Web;
using System.Text.Json;
using Sluice.Formats;

namespace Sluice.Node.Admin;

/// <summary>
/// JSON of the admin API, written and read by hand: for a handful of small messages that costs the command line less start-up time
/// than the serializer.
/// </summary>
internal static class AdminJson
{
    /// <summary>Kind of an error that is a defect of the daemon.</summary>
    public const string InternalError = "Internal";

    /// <summary>Quotes stay quotes: people read this, too, and no browser does.</summary>
    private static readonly JsonWriterOptions Options = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    public static byte[] Write(Action<Utf8JsonWriter> write)
    {
        using MemoryStream stream = new();
        using (Utf8JsonWriter writer = new(stream, Options)) write(writer);
        return stream.ToArray();
    }

    public static void WriteError(Utf8JsonWriter writer, SluiceException error) =>
        WriteError(writer, error.Error.ToString(), error.Culprit, error.Message[(error.Culprit.Length + ": ".Length)..], error.Hint);

    /// <param name="kind">A name of <see cref="SluiceError"/> or <see cref="InternalError"/>.</param>
    public static void WriteError(Utf8JsonWriter writer, string kind, string culprit, string message, string? hint)
    {
        writer.WriteStartObject();
        writer.WriteString("error", kind);
        writer.WriteString("culprit", culprit);
        writer.WriteString("message", message);
        if (hint is not null) writer.WriteString("hint", hint);
        writer.WriteEndObject();
    }

    /// <summary>The error that an answer describes, or null if it is none.</summary>
    /// <exception cref="InvalidOperationException">A string is not Unicode.</exception>
    public static Exception? ReadError(JsonElement body)
    {
        if (Text(body, "error") is not { } kind || Text(body, "culprit") is not { } culprit || Text(body, "message") is not { } message) return null;
        if (kind == InternalError) return new InvalidOperationException($"{culprit}: {message}");
        // Not only parsed: that takes numbers and lists of names, too.
        return Enum.TryParse(kind, out SluiceError error) && Enum.GetName(error) == kind ? new SluiceException(error, culprit, message, Text(body, "hint")) : null;
    }

    /// <summary>The string <paramref name="name"/> of an object; null if there is none.</summary>
    /// <exception cref="InvalidOperationException">The string is not Unicode.</exception>
    public static string? Text(JsonElement body, string name) =>
        body.ValueKind == JsonValueKind.Object && body.TryGetProperty(name, out JsonElement value) && value.ValueKind == JsonValueKind.String ? value.GetString() : null;

    public static JsonElement.ObjectEnumerator Properties(JsonElement body) =>
        body.ValueKind == JsonValueKind.Object ? body.EnumerateObject() : throw Wrong("a JSON object is expected");

    public static string Text(JsonProperty property) =>
        property.Value.ValueKind == JsonValueKind.String ? property.Value.GetString()! : throw Wrong($"'{property.Name}' must be a string");

    public static SluiceException Wrong(string message) => new(SluiceError.Usage, "admin request", message, "see docs/admin-api.md");
}
