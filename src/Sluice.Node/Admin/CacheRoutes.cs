using System.Text.Json;
using Sluice.Formats.Oci;
using Sluice.Node.Images;
using Sluice.Storage.Cache;

namespace Sluice.Node.Admin;

/// <summary>The cache: what is there, whether it is right, and what may go.</summary>
internal sealed class CacheRoutes(ImageCache cache) : IAdminRoutes
{
    public IEnumerable<AdminRoute> Routes =>
    [
        AdminRoute.Get("/v1/cache", _ => Task.FromResult(List())),
        AdminRoute.Post("/v1/cache/verify", async cancellation => Write(await cache.VerifyAsync(cancellation))),
        AdminRoute.Post("/v1/cache/prune", ParseTarget, async (target, cancellation) => WriteFreed(await cache.PruneAsync(target, cancellation))),
        AdminRoute.Post("/v1/cache/pin", body => ParseField(body, "image"), (image, _) => Task.FromResult(Write(cache.SetPinned(image, pinned: true)))),
        AdminRoute.Post("/v1/cache/unpin", body => ParseField(body, "image"), (image, _) => Task.FromResult(Write(cache.SetPinned(image, pinned: false)))),
        AdminRoute.Post("/v1/cache/export", body => (Image: ParseField(body, "image", "path"), Path: ParsePath(body, "image")), async (order, cancellation) => Write(await cache.ExportAsync(order.Image, order.Path, cancellation))),
        AdminRoute.Post("/v1/cache/import", body => ParsePath(body), async (path, cancellation) => Write(await cache.ImportAsync(path, cancellation))),
    ];

    private static long ParseTarget(JsonElement body)
    {
        long target = 0;
        foreach (JsonProperty property in AdminJson.Properties(body))
        {
            if (property.Name != "to") throw AdminJson.Wrong($"'{property.Name}' is not a field; there is: to");
            if (property.Value.ValueKind != JsonValueKind.Number || !property.Value.TryGetInt64(out target) || target < 0) throw AdminJson.Wrong("'to' must be a number of bytes");
        }

        return target;
    }

    /// <param name="others">Fields that may be there, too.</param>
    private static string ParseField(JsonElement body, string name, params string[] others)
    {
        string value = "";
        foreach (JsonProperty property in AdminJson.Properties(body))
        {
            if (property.Name == name) value = AdminJson.Text(property);
            else if (!others.Contains(property.Name)) throw AdminJson.Wrong($"'{property.Name}' is not a field; there are: {string.Join(", ", [name, .. others])}");
        }

        return value.Length > 0 ? value : throw AdminJson.Wrong($"'{name}' is missing");
    }

    private static string ParsePath(JsonElement body, params string[] others)
    {
        string path = ParseField(body, "path", others);
        return Path.IsPathRooted(path) ? path : throw AdminJson.Wrong($"'path' is '{path}', which is not absolute");
    }

    private Action<Utf8JsonWriter> List()
    {
        (CacheCounters counters, IReadOnlyList<(CachedBlob Blob, IReadOnlyList<string> Images)> blobs) = cache.List();
        return writer =>
        {
            writer.WriteStartObject();
            writer.WriteNumber("used", counters.UsedBytes);
            writer.WriteNumber("limit", counters.LimitBytes);
            writer.WriteNumber("held", counters.HeldBytes);
            writer.WriteNumber("stored", counters.StoredBytes);
            writer.WriteNumber("refusedChunks", counters.RefusedChunks);
            writer.WriteNumber("writeFailures", counters.WriteFailures);
            writer.WriteNumber("checkedChunks", counters.CheckedChunks);
            writer.WriteNumber("wrongChunks", counters.WrongChunks);
            writer.WriteNumber("evictedChunks", counters.EvictedChunks);
            writer.WriteNumber("evicted", counters.EvictedBytes);
            writer.WriteNumber("shared", counters.SharedBytes);
            writer.WriteNumber("copied", counters.CopiedBytes);
            writer.WriteStartArray("blobs");
            foreach ((CachedBlob blob, IReadOnlyList<string> images) in blobs) Write(writer, blob, images);
            writer.WriteEndArray();
            writer.WriteEndObject();
        };
    }

    private static void Write(Utf8JsonWriter writer, CachedBlob blob, IReadOnlyList<string> images)
    {
        writer.WriteStartObject();
        writer.WriteString("digest", blob.Blob.ToString());
        writer.WriteNumber("bytes", blob.Bytes);
        writer.WriteNumber("storedChunks", blob.StoredChunks);
        writer.WriteNumber("chunks", blob.Chunks);
        writer.WriteBoolean("open", blob.IsOpen);
        writer.WriteBoolean("pinned", blob.IsPinned);
        writer.WriteBoolean("held", blob.IsHeld);
        writer.WriteStartArray("images");
        foreach (string image in images) writer.WriteStringValue(image);
        writer.WriteEndArray();
        writer.WriteEndObject();
    }

    private static Action<Utf8JsonWriter> Write(CacheVerification found) => writer =>
    {
        writer.WriteStartObject();
        writer.WriteNumber("chunks", found.Chunks);
        writer.WriteNumber("bytes", found.Bytes);
        writer.WriteNumber("wrong", found.Wrong);
        writer.WriteNumber("unopened", found.Unopened);
        writer.WriteEndObject();
    };

    private static Action<Utf8JsonWriter> Write(CarriedImages carried) => writer =>
    {
        writer.WriteStartObject();
        writer.WriteNumber("blobs", carried.Data.Blobs);
        writer.WriteNumber("chunks", carried.Data.Chunks);
        writer.WriteNumber("bytes", carried.Data.Bytes);
        writer.WriteNumber("refused", carried.Data.Refused);
        writer.WriteStartArray("images");
        foreach (string image in carried.Images) writer.WriteStringValue(image);
        writer.WriteEndArray();
        if (carried.Fault is not null) writer.WriteString("fault", carried.Fault);
        writer.WriteEndObject();
    };

    private Action<Utf8JsonWriter> WriteFreed(long freed) => writer =>
    {
        writer.WriteStartObject();
        writer.WriteNumber("freed", freed);
        writer.WriteNumber("used", cache.Counters.UsedBytes);
        writer.WriteEndObject();
    };

    private static Action<Utf8JsonWriter> Write(IReadOnlyList<Digest> manifests) => writer =>
    {
        writer.WriteStartObject();
        writer.WriteStartArray("manifests");
        foreach (Digest manifest in manifests) writer.WriteStringValue(manifest.ToString());
        writer.WriteEndArray();
        writer.WriteEndObject();
    };
}
