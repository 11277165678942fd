using System.Text.Json;

namespace Sluice.Node.Configuration;

/// <summary>Answer to <c>POST /v1/reload</c>.</summary>
/// <param name="Changed">Keys whose new values hold from now on.</param>
/// <param name="Restart">Keys whose new values will hold after a restart of the daemon; until then the old ones do.</param>
public sealed record ReloadedConfiguration(IReadOnlyList<string> Changed, IReadOnlyList<string> Restart)
{
    public void Write(Utf8JsonWriter writer)
    {
        writer.WriteStartObject();
        WriteList(writer, "changed", Changed);
        WriteList(writer, "restart", Restart);
        writer.WriteEndObject();
    }

    /// <summary>Null: <paramref name="body"/> is something else.</summary>
    /// <exception cref="InvalidOperationException">A string is not Unicode.</exception>
    public static ReloadedConfiguration? Parse(JsonElement body) =>
        ReadList(body, "changed") is { } changed && ReadList(body, "restart") is { } restart ? new ReloadedConfiguration(changed, restart) : null;

    private static void WriteList(Utf8JsonWriter writer, string name, IReadOnlyList<string> values)
    {
        writer.WriteStartArray(name);
        foreach (string value in values) writer.WriteStringValue(value);
        writer.WriteEndArray();
    }

    private static IReadOnlyList<string>? ReadList(JsonElement body, string name) =>
        body.ValueKind == JsonValueKind.Object && body.TryGetProperty(name, out JsonElement list) && list.ValueKind == JsonValueKind.Array
        && list.EnumerateArray().All(item => item.ValueKind == JsonValueKind.String)
            ? [.. list.EnumerateArray().Select(item => item.GetString()!)]
            : null;
}
