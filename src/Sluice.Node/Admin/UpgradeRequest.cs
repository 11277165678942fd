using System.Text.Json;

namespace Sluice.Node.Admin;

/// <summary>Asks the daemon to hand over to another program.</summary>
/// <param name="Program">Absolute path of its executable; null: the file that the daemon was started from, as it is now.</param>
public sealed record UpgradeRequest(string? Program)
{
    internal static UpgradeRequest Parse(JsonElement body)
    {
        string? program = null;
        foreach (JsonProperty property in AdminJson.Properties(body))
        {
            if (property.Name != "program") throw AdminJson.Wrong($"'{property.Name}' is not a field; there is: program");
            program = property.Value.ValueKind == JsonValueKind.Null ? null : AdminJson.Text(property);
        }

        return new UpgradeRequest(program);
    }

    internal void Write(Utf8JsonWriter writer)
    {
        writer.WriteStartObject();
        writer.WriteString("program", Program);
        writer.WriteEndObject();
    }
}
