using System.Text.Json;

namespace Sluice.Node.Admin;

/// <summary>Which process a daemon is: the one that answers, or the one that it has started to succeed it.</summary>
/// <param name="Process">Its process id.</param>
public sealed record DaemonProcess(int Process)
{
    internal static DaemonProcess? Parse(JsonElement body) =>
        body.ValueKind == JsonValueKind.Object && body.TryGetProperty("process", out JsonElement process) && process.TryGetInt32(out int id) ? new DaemonProcess(id) : null;

    internal void Write(Utf8JsonWriter writer)
    {
        writer.WriteStartObject();
        writer.WriteNumber("process", Process);
        writer.WriteEndObject();
    }
}
