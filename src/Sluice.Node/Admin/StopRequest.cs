using System.Text.Json;

namespace Sluice.Node.Admin;

/// <summary>Asks the daemon to end.</summary>
/// <param name="Unmount">Everything that it serves; false: it is left to a successor, where there is a keeper.</param>
public sealed record StopRequest(bool Unmount)
{
    internal static StopRequest Parse(JsonElement body)
    {
        bool unmount = false;
        foreach (JsonProperty property in AdminJson.Properties(body))
        {
            if (property.Name != "unmount") throw AdminJson.Wrong($"'{property.Name}' is not a field; there is: unmount");
            if (property.Value.ValueKind is not (JsonValueKind.True or JsonValueKind.False)) throw AdminJson.Wrong("'unmount' must be true or false");
            unmount = property.Value.GetBoolean();
        }

        return new StopRequest(unmount);
    }

    internal void Write(Utf8JsonWriter writer)
    {
        writer.WriteStartObject();
        writer.WriteBoolean("unmount", Unmount);
        writer.WriteEndObject();
    }
}
