using System.Text.Json;

namespace Sluice.Node.Admin;

/// <summary>Answer to <c>POST /v1/pull</c>.</summary>
/// <param name="Name">As containerd lists it.</param>
/// <param name="Digest">Of the manifest that the platform has chosen.</param>
public sealed record PulledImage(string Name, string Digest)
{
    public void Write(Utf8JsonWriter writer)
    {
        writer.WriteStartObject();
        writer.WriteString("name", Name);
        writer.WriteString("digest", Digest);
        writer.WriteEndObject();
    }

    public static PulledImage Parse(JsonElement body) => new(body.GetProperty("name").GetString()!, body.GetProperty("digest").GetString()!);
}
