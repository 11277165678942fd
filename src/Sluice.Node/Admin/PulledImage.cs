using System.Text.Json;

namespace Sluice.Node.Admin;

/// <summary>Answer to <c>POST /v1/pull</c>.</summary>
/// <param name="Name">As containerd lists it.</param>
/// <param name="Digest">Of the manifest that the platform has chosen.</param>
/// <param name="Warning">What whoever pulls should know, or null.</param>
public sealed record PulledImage(string Name, string Digest, string? Warning = null)
{
    public void Write(Utf8JsonWriter writer)
    {
        writer.WriteStartObject();
        writer.WriteString("name", Name);
        writer.WriteString("digest", Digest);
        if (Warning is not null) writer.WriteString("warning", Warning);
        writer.WriteEndObject();
    }

    /// <summary>Null: <paramref name="body"/> is something else.</summary>
    /// <exception cref="InvalidOperationException">A string is not Unicode.</exception>
    public static PulledImage? Parse(JsonElement body) =>
        AdminJson.Text(body, "name") is { } name && AdminJson.Text(body, "digest") is { } digest ? new PulledImage(name, digest, AdminJson.Text(body, "warning")) : null;
}
