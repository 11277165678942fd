using System.Text.Json;
using Sluice.Build.Commit;
using Sluice.Build.Convert;
using Sluice.Containerd.Client;
using Sluice.Formats.OverlayBd.ZFile;

namespace Sluice.Node.Admin;

/// <summary>Body of <c>POST /v1/commit</c>: of which container to make an image, and where that goes.</summary>
public sealed record CommitRequest
{
    /// <summary>containerd's id of the container.</summary>
    public required string Container { get; init; }

    /// <summary>Where the image goes: <c>HOST/REPO:TAG</c>, <c>oci:DIR:TAG</c> or <c>oci-archive:FILE:TAG</c>; paths are absolute.</summary>
    public required string Image { get; init; }

    /// <summary>Absolute path of containerd's socket.</summary>
    public string Containerd { get; init; } = ContainerdClient.DefaultSocket;

    /// <summary>containerd's namespace.</summary>
    public string Namespace { get; init; } = "default";

    /// <summary><c>lz4</c> or <c>zstd</c>.</summary>
    public string Compressor { get; init; } = "zstd";

    /// <summary>Bytes of a compressed block; null: what goes with the compressor.</summary>
    public int? BlockSize { get; init; }

    /// <summary>Comment in the history; null: none.</summary>
    public string? Message { get; init; }

    public string? Author { get; init; }

    public void Write(Utf8JsonWriter writer)
    {
        writer.WriteStartObject();
        writer.WriteString("container", Container);
        writer.WriteString("image", Image);
        writer.WriteString("containerd", Containerd);
        writer.WriteString("namespace", Namespace);
        writer.WriteString("compressor", Compressor);
        if (BlockSize is { } size) writer.WriteNumber("blockSize", size);
        if (Message is not null) writer.WriteString("message", Message);
        if (Author is not null) writer.WriteString("author", Author);
        writer.WriteEndObject();
    }

    /// <summary>Fields that are missing or null have their defaults.</summary>
    /// <exception cref="Formats.SluiceException">A key is unknown, missing or of another type, or has a value that can't be.</exception>
    /// <exception cref="InvalidOperationException">A string is not Unicode.</exception>
    public static CommitRequest Parse(JsonElement body)
    {
        CommitRequest request = new() { Container = "", Image = "" };
        foreach (JsonProperty property in AdminJson.Properties(body))
        {
            bool isNull = property.Value.ValueKind == JsonValueKind.Null;
            if (property.Name == "blockSize")
            {
                if (!isNull) request = request with { BlockSize = property.Value.ValueKind == JsonValueKind.Number && property.Value.TryGetInt32(out int size) ? size : throw AdminJson.Wrong("'blockSize' must be a number of bytes") };
                continue;
            }

            string? value = isNull ? null : AdminJson.Text(property);
            request = property.Name switch
            {
                "container" => request with { Container = value ?? "" },
                "image" => request with { Image = value ?? "" },
                "containerd" => request with { Containerd = value ?? ContainerdClient.DefaultSocket },
                "namespace" => request with { Namespace = value ?? "default" },
                "compressor" => request with { Compressor = value ?? "zstd" },
                "message" => request with { Message = value },
                "author" => request with { Author = value },
                _ => throw AdminJson.Wrong($"'{property.Name}' is not a field; there are: container, image, containerd, namespace, compressor, blockSize, message, author"),
            };
        }

        if (request.Image.Length == 0) throw AdminJson.Wrong("'image' is missing");
        if (request.Container.Length == 0) throw AdminJson.Wrong("'container' is missing");
        ContainerdPlace.CheckIdentifier("container", request.Container);
        ContainerdPlace.Check(request.Containerd, request.Namespace);
        if (request.BlockSize is { } wanted && !ZFileLimits.IsBlockSize(wanted))
            throw AdminJson.Wrong($"'blockSize' is {wanted}; it must be a power of two from {ZFileLimits.MinBlockSize} to {ZFileLimits.MaxBlockSize}");
        if (request.Compressor is not ("lz4" or "zstd")) throw AdminJson.Wrong($"'compressor' is '{request.Compressor}'; there are: lz4, zstd");
        return request;
    }

    internal CommitOptions ToOptions(DateTimeOffset now)
    {
        ZFileAlgorithm algorithm = Compressor == "zstd" ? ZFileAlgorithm.Zstd : ZFileAlgorithm.Lz4;
        return new CommitOptions { Algorithm = algorithm, BlockSize = BlockSize ?? BlockImageOptions.DefaultBlockSize(algorithm), Message = Message, Author = Author, Created = now };
    }
}
