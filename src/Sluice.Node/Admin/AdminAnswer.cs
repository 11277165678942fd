using System.Text.Json;

namespace Sluice.Node.Admin;

/// <summary>What a route answers.</summary>
internal sealed record AdminAnswer(string ContentType, byte[] Body)
{
    public static AdminAnswer Json(Action<Utf8JsonWriter> write) => new("application/json", AdminJson.Write(write));
}
