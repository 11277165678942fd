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

    /// <summary>Absolute path of containerd's socket.</summary>
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

    /// <summary>Fields that are missing or null have their defaults.</summary>
    /// <exception cref="Formats.SluiceException">A key is unknown, missing or not a string, or has a value that containerd would refuse.</exception>
    /// <exception cref="InvalidOperationException">A string is not Unicode.</exception>
    public static PullRequest Parse(JsonElement body)
    {
        PullRequest request = new() { Image = "" };
        foreach (JsonProperty property in AdminJson.Properties(body))
        {
            string? value = property.Value.ValueKind == JsonValueKind.Null ? null : AdminJson.Text(property);
            request = property.Name switch
            {
                "image" => request with { Image = value ?? "" },
                "platform" => request with { Platform = value },
                "containerd" => request with { Containerd = value ?? ContainerdClient.DefaultSocket },
                "namespace" => request with { Namespace = value ?? "default" },
                "snapshotter" => request with { Snapshotter = value ?? "sluice" },
                _ => throw AdminJson.Wrong($"'{property.Name}' is not a field; there are: image, platform, containerd, namespace, snapshotter"),
            };
        }

        if (request.Image.Length == 0) throw AdminJson.Wrong("'image' is missing");
        ContainerdPlace.Check(request.Containerd, request.Namespace);
        return request;
    }
}
