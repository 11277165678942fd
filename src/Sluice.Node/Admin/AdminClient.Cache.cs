using System.Text.Json;

namespace Sluice.Node.Admin;

/// <summary>The cache. Answers are as docs/admin-api.md describes them.</summary>
public sealed partial class AdminClient
{
    /// <summary>What is there.</summary>
    /// <inheritdoc cref="PullAsync"/>
    public Task<JsonDocument> CacheAsync(CancellationToken cancellation) => GetAsync("/v1/cache", body => Answer(body, "used"), cancellation);

    /// <summary>Checks everything.</summary>
    /// <inheritdoc cref="PullAsync"/>
    public Task<JsonDocument> VerifyCacheAsync(CancellationToken cancellation) => PostAsync("/v1/cache/verify", writer => Write(writer), body => Answer(body, "wrong"), cancellation);

    /// <summary>Evicts.</summary>
    /// <param name="target">Bytes that may stay.</param>
    /// <inheritdoc cref="PullAsync"/>
    public Task<JsonDocument> PruneCacheAsync(long target, CancellationToken cancellation) => PostAsync(
        "/v1/cache/prune",
        writer =>
        {
            writer.WriteStartObject();
            writer.WriteNumber("to", target);
            writer.WriteEndObject();
        },
        body => Answer(body, "freed"),
        cancellation);

    /// <summary>Pins or unpins what is cached of an image.</summary>
    /// <inheritdoc cref="PullAsync"/>
    public Task<JsonDocument> PinAsync(string image, bool pinned, CancellationToken cancellation) =>
        PostAsync(pinned ? "/v1/cache/pin" : "/v1/cache/unpin", writer => Write(writer, ("image", image)), body => Answer(body, "manifests"), cancellation);

    /// <summary>Has what is cached of an image written to a tar file.</summary>
    /// <param name="path">Absolute.</param>
    /// <inheritdoc cref="PullAsync"/>
    public Task<JsonDocument> ExportCacheAsync(string image, string path, CancellationToken cancellation) =>
        PostAsync("/v1/cache/export", writer => Write(writer, ("image", image), ("path", path)), body => Answer(body, "chunks"), cancellation);

    /// <summary>Has such a file stored.</summary>
    /// <param name="path">Absolute.</param>
    /// <inheritdoc cref="PullAsync"/>
    public Task<JsonDocument> ImportCacheAsync(string path, CancellationToken cancellation) =>
        PostAsync("/v1/cache/import", writer => Write(writer, ("path", path)), body => Answer(body, "chunks"), cancellation);

    private static void Write(Utf8JsonWriter writer, params ReadOnlySpan<(string Name, string Value)> fields)
    {
        writer.WriteStartObject();
        foreach ((string name, string value) in fields) writer.WriteString(name, value);
        writer.WriteEndObject();
    }

    /// <summary>Outlives the buffer that it was parsed from. Null: something else.</summary>
    private static JsonDocument? Answer(JsonElement body, string field) =>
        body.ValueKind == JsonValueKind.Object && body.TryGetProperty(field, out _) ? JsonDocument.Parse(body.GetRawText()) : null;
}
