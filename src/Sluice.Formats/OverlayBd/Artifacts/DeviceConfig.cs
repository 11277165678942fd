using System.Text.Json;
using System.Text.Json.Serialization;

namespace Sluice.Formats.OverlayBd.Artifacts;

/// <summary>
/// The configuration of a device as overlaybd's snapshotter writes it, <c>config.v1.json</c>: where the layers are. Read-only devices; keys
/// about tracing and background downloads are skipped.
/// </summary>
public sealed record DeviceConfig
{
    /// <summary>Of a larger one nobody has seen the like: a layer takes some 200 bytes.</summary>
    public const int MaxLength = 1 << 20;

    private const string Format = "overlaybd device configuration";

    /// <summary><c>scheme://host/v2/REPOSITORY/blobs</c>; empty if all layers are files.</summary>
    [JsonPropertyName("repoBlobUrl")]
    public string? RepoBlobUrl { get; init; }

    /// <summary>The layers, the lowest first.</summary>
    [JsonPropertyName("lowers")]
    public IReadOnlyList<DeviceLayer>? Lowers { get; init; }

    [JsonPropertyName("upper")]
    public DeviceUpper? Upper { get; init; }

    /// <summary>The last of the layers holds a trace and no blocks.</summary>
    [JsonPropertyName("accelerationLayer")]
    public bool AccelerationLayer { get; init; }

    /// <exception cref="InvalidFormatException">No such configuration, or one without layers.</exception>
    /// <exception cref="SluiceException">A kind of device that is not served: writable, or an index over ordinary layers.</exception>
    public static DeviceConfig Parse(ReadOnlySpan<byte> content)
    {
        if (content.Length > MaxLength) throw new InvalidFormatException(Format, $"{content.Length} bytes, more than {MaxLength}");
        DeviceConfig config;
        try
        {
            config = JsonSerializer.Deserialize(content, DeviceConfigJson.Default.DeviceConfig) ?? throw new InvalidFormatException(Format, "is null");
        }
        catch (JsonException error)
        {
            throw new InvalidFormatException(Format, $"is not valid: {error.Message}", inner: error);
        }

        IReadOnlyList<DeviceLayer> layers = config.Lowers ?? [];
        if (config.AccelerationLayer && layers.Count > 0) layers = [.. layers.Take(layers.Count - 1)];
        if (layers.Count == 0) throw new InvalidFormatException(Format, "has no layers");
        if (layers.Any(layer => layer is null)) throw new InvalidFormatException(Format, "has a layer that is null");
        if (layers.Any(layer => !string.IsNullOrEmpty(layer.TargetDigest) || !string.IsNullOrEmpty(layer.TargetFile)))
            throw new SluiceException(SluiceError.Image, Format, "TurboOCI devices (an index over ordinary layers) are not served");
        if (!string.IsNullOrEmpty(config.Upper?.Data)) throw new SluiceException(SluiceError.Image, Format, "it has a writable layer", "commit that first: devices are mounted read-only");
        return config with { Lowers = layers };
    }
}

/// <summary>A layer: <see cref="File"/> if there is one, else what is in <see cref="Dir"/>, else <see cref="Digest"/> in the repository.</summary>
public sealed record DeviceLayer
{
    [JsonPropertyName("file")]
    public string? File { get; init; }

    /// <summary>May hold the blob as <c>overlaybd.commit</c>, <c>.commit</c> or <c>overlaybd.sealed</c>.</summary>
    [JsonPropertyName("dir")]
    public string? Dir { get; init; }

    [JsonPropertyName("digest")]
    public string? Digest { get; init; }

    /// <summary>Bytes of the blob.</summary>
    [JsonPropertyName("size")]
    public long Size { get; init; }

    [JsonPropertyName("targetFile")]
    public string? TargetFile { get; init; }

    [JsonPropertyName("targetDigest")]
    public string? TargetDigest { get; init; }
}

/// <summary>The writable layer.</summary>
public sealed record DeviceUpper
{
    [JsonPropertyName("data")]
    public string? Data { get; init; }
}

[JsonSerializable(typeof(DeviceConfig))]
internal sealed partial class DeviceConfigJson : JsonSerializerContext;
