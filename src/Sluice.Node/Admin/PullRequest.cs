using System.Text.Json;
using Sluice.Containerd.Client;

namespace Sluice.Node.Admin;

/// <summary>Body of <c>POST /v1/pull</c>: which image to register, and with which containerd.</summary>
public sealed record PullRequest
{
    /// <summary>HOST/REPO:TAG or HOST/REPO@DIGEST.</summary>
    public required string Image { get; init; }

    /// <summary>os/architecture[/variant] to choose from an index; null: this machine's.</summary>
    public string? Platform { get; init; }

    /// <summary>Path of containerd's socket.</summary>
    public string Containerd { get; init; } = ContainerdClient.DefaultSocket;

    /// <summary>containerd's namespace.</summary>
    public string Namespace { get; init; } = "default";

    /// <summary>What this daemon is called in containerd's configuration.</summary>
    public string Snapshotter { get; init; } = "sluice";

    public void Write(Utf8JsonWriter writer)
    {
        writer.WriteStartObject();
        writer.WriteString("image", Image);
        if (Platform is not null) writer.WriteString("platform", Platform);
        writer.WriteString("containerd", Containerd);
        writer.WriteString("namespace", Namespace);
        writer.WriteString("snapshotter", Snapshotter);
        writer.WriteEndObject();
    }

    /// <exception cref="Formats.SluiceException">A key is unknown, missing or not a string.</exception>
    public static PullRequest Parse(JsonElement body)
    {
        PullRequest request = new() { Image = "" };
        foreach (JsonProperty property in AdminJson.Properties(body))
        {
            string value = AdminJson.Text(property);
            request = property.Name switch
            {
                "image" => request with { Image = value },
                "platform" => request with { Platform = value },
                "containerd" => request with { Containerd = value },
                "namespace" => request with { Namespace = value },
                "snapshotter" => request with { Snapshotter = value },
                _ => throw AdminJson.Wrong($"'{property.Name}' is not a field; there are: image, platform, containerd, namespace, snapshotter"),
            };
        }

        return request.Image.Length > 0 ? request : throw AdminJson.Wrong("'image' is missing");
    }
}
