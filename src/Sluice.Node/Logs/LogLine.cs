using System.Globalization;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using Microsoft.Extensions.Logging;

namespace Sluice.Node.Logs;

/// <summary>One event as one line, for people or as a JSON object. Newlines in messages become spaces: a line is an event.</summary>
/// <param name="Event">Stable number of the kind; docs/logs.md.</param>
/// <param name="Fields">What the message was made of.</param>
public sealed record LogLine(DateTimeOffset At, LogLevel Level, int Event, string Message, IReadOnlyList<KeyValuePair<string, object?>> Fields)
{
    private const string Template = "{OriginalFormat}";

    private static readonly JsonWriterOptions JsonOptions = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>The image that it is about; empty if none.</summary>
    public string Image => Field("Image");

    /// <summary><c>2026-01-31T12:00:00.000Z warning message</c>.</summary>
    public string ToText() => string.Create(CultureInfo.InvariantCulture, $"{At.UtcDateTime:yyyy-MM-ddTHH:mm:ss.fff}Z {LevelName} {OneLine(Message)}");

    /// <summary><c>time</c>, <c>level</c>, <c>event</c>, <c>message</c>, then the fields, <c>image</c> and <c>cause</c> among them.</summary>
    public string ToJson()
    {
        using MemoryStream stream = new();
        using (Utf8JsonWriter writer = new(stream, JsonOptions))
        {
            writer.WriteStartObject();
            writer.WriteString("time", At.UtcDateTime.ToString("yyyy-MM-ddTHH:mm:ss.fff'Z'", CultureInfo.InvariantCulture));
            writer.WriteString("level", LevelName);
            writer.WriteNumber("event", Event);
            writer.WriteString("message", Message);
            foreach ((string key, object? value) in Fields.Where(field => field.Key is not (Template or "Message"))) WriteField(writer, key, value);
            writer.WriteEndObject();
        }

        return Encoding.UTF8.GetString(stream.ToArray());
    }

    private string LevelName => Level switch
    {
        LogLevel.Trace or LogLevel.Debug => "debug",
        LogLevel.Information => "info",
        LogLevel.Warning => "warning",
        _ => "error",
    };

    private string Field(string name) => Fields.FirstOrDefault(field => field.Key == name).Value?.ToString() ?? "";

    private static void WriteField(Utf8JsonWriter writer, string key, object? value)
    {
        writer.WritePropertyName(JsonNamingPolicy.CamelCase.ConvertName(key));
        if (value is null) writer.WriteNullValue();
        else if (value is int or long) writer.WriteNumberValue(Convert.ToInt64(value, CultureInfo.InvariantCulture));
        else if (value is bool truth) writer.WriteBooleanValue(truth);
        else writer.WriteStringValue(Convert.ToString(value, CultureInfo.InvariantCulture));
    }

    private static string OneLine(string text) => text.ReplaceLineEndings(" ");
}
