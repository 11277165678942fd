using System.Text.Json;

namespace Sluice.Node.Admin;

/// <summary>Answer to <c>POST /v1/commit</c>.</summary>
/// <param name="Digest">Of the manifest.</param>
/// <param name="Layers">Digests of the layers that hold the container's changes, lowest first.</param>
/// <param name="Pushed">How many of them the destination did not have yet.</param>
/// <param name="Warnings">What could not be carried over, one line each.</param>
public sealed record CommittedImage(string Digest, IReadOnlyList<string> Layers, int Pushed, IReadOnlyList<string> Warnings)
{
    public void Write(Utf8JsonWriter writer)
    {
        writer.WriteStartObject();
        writer.WriteString("digest", Digest);
        WriteList(writer, "layers", Layers);
        writer.WriteNumber("pushed", Pushed);
        WriteList(writer, "warnings", Warnings);
        writer.WriteEndObject();
    }

    /// <summary>Null: <paramref name="body"/> is something else.</summary>
    /// <exception cref="InvalidOperationException">A string is not Unicode.</exception>
    public static CommittedImage? Parse(JsonElement body) =>
        AdminJson.Text(body, "digest") is { } digest && ReadList(body, "layers") is { } layers && ReadList(body, "warnings") is { } warnings
        && body.TryGetProperty("pushed", out JsonElement pushed) && pushed.ValueKind == JsonValueKind.Number && pushed.TryGetInt32(out int count)
            ? new CommittedImage(digest, layers, count, warnings)
            : null;

    private static void WriteList(Utf8JsonWriter writer, string name, IReadOnlyList<string> values)
    {
        writer.WriteStartArray(name);
        foreach (string value in values) writer.WriteStringValue(value);
        writer.WriteEndArray();
    }

    private static List<string>? ReadList(JsonElement body, string name) =>
        body.TryGetProperty(name, out JsonElement list) && list.ValueKind == JsonValueKind.Array && list.EnumerateArray().All(item => item.ValueKind == JsonValueKind.String)
            ? [.. list.EnumerateArray().Select(item => item.GetString()!)]
            : null;
}
