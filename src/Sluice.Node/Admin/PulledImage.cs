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

    /// <summary>Null: <paramref name="body"/> is something else.</summary>
    /// <exception cref="InvalidOperationException">A string is not Unicode.</exception>
    public static PulledImage? Parse(JsonElement body) =>
        AdminJson.Text(body, "name") is { } name && AdminJson.Text(body, "digest") is { } digest ? new PulledImage(name, digest) : null;
}
