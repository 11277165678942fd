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

    /// <param name="kind">A name of <see cref="SluiceError"/>; any other is a defect of the daemon.</param>
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
    public static Exception? ReadError(JsonElement body)
    {
        if (body.ValueKind != JsonValueKind.Object || !body.TryGetProperty("error", out JsonElement error)) return null;
        string Text(string name) => body.TryGetProperty(name, out JsonElement value) ? value.GetString() ?? "" : "";
        return Enum.TryParse(error.GetString(), out SluiceError kind)
            ? new SluiceException(kind, Text("culprit"), Text("message"), Text("hint") is { Length: > 0 } hint ? hint : null)
            : new InvalidOperationException($"{Text("culprit")}: {Text("message")}");
    }

    public static JsonElement.ObjectEnumerator Properties(JsonElement body) =>
        body.ValueKind == JsonValueKind.Object ? body.EnumerateObject() : throw Wrong("a JSON object is expected");

    public static string Text(JsonProperty property) =>
        property.Value.ValueKind == JsonValueKind.String ? property.Value.GetString()! : throw Wrong($"'{property.Name}' must be a string");

    public static SluiceException Wrong(string message) => new(SluiceError.Usage, "admin request", message, "see docs/admin-api.md");
}
