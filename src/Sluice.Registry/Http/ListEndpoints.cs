using System.Globalization;
using System.Text.Json;
using Microsoft.AspNetCore.Http;
using Sluice.Formats.Oci;
using Sluice.Registry.Store;

namespace Sluice.Registry.Http;

/// <summary>Lists of repositories, tags and referrers.</summary>
internal sealed class ListEndpoints(RegistryStore store)
{
    public Task CatalogAsync(HttpContext context)
    {
        List<string> names = Page(context, store.RepositoryNames());
        return Json.WriteAsync(context, writer => WriteStrings(writer, "repositories", names));
    }

    public static Task TagsAsync(HttpContext context, Repository repository)
    {
        if (!repository.Exists) throw RegistryFailure.NameUnknown(repository.Name);
        List<string> tags = Page(context, repository.Tags());
        return Json.WriteAsync(context, writer =>
        {
            writer.WriteString("name", repository.Name);
            WriteStrings(writer, "tags", tags);
        });
    }

    /// <summary>An image index of what is attached to a manifest, which need not exist.</summary>
    public static Task ReferrersAsync(HttpContext context, Repository repository, string reference)
    {
        Digest subject = RequestReading.ParseDigest(reference);
        string? artifactType = context.Query("artifactType");
        if (string.IsNullOrEmpty(artifactType)) artifactType = null;
        if (artifactType is not null) context.Response.Headers["OCI-Filters-Applied"] = "artifactType";
        return Json.WriteAsync(
            context,
            writer =>
            {
                writer.WriteNumber("schemaVersion", 2);
                writer.WriteString("mediaType", MediaTypes.OciIndex);
                writer.WriteStartArray("manifests");
                foreach (byte[] descriptor in repository.Referrers(subject))
                {
                    if (artifactType is null || HasArtifactType(descriptor, artifactType)) writer.WriteRawValue(descriptor);
                }

                writer.WriteEndArray();
            },
            MediaTypes.OciIndex);
    }

    private static bool HasArtifactType(byte[] descriptor, string artifactType)
    {
        using JsonDocument document = JsonDocument.Parse(descriptor);
        return document.RootElement.TryGetProperty("artifactType", out JsonElement value) && value.ValueEquals(artifactType);
    }

    /// <summary>The page that <c>n</c> and <c>last</c> ask for, with a link to the next one in the answer.</summary>
    private static List<string> Page(HttpContext context, List<string> sorted)
    {
        int start = 0;
        if (context.Query("last") is { Length: > 0 } last)
        {
            start = sorted.BinarySearch(last, StringComparer.Ordinal);
            start = start < 0 ? ~start : start + 1;
        }

        int left = sorted.Count - start;
        if (context.Query("n") is not { } text) return sorted.GetRange(start, left);
        if (!int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int count))
            throw RegistryFailure.Unsupported($"'{text}' is not a number of results", 400);
        if (count == 0 || count >= left) return sorted.GetRange(start, Math.Min(count, left));

        string next = Uri.EscapeDataString(sorted[start + count - 1]);
        context.Response.Headers.Link = string.Create(CultureInfo.InvariantCulture, $"<{context.Request.Path}?n={count}&last={next}>; rel=\"next\"");
        return sorted.GetRange(start, count);
    }

    private static void WriteStrings(Utf8JsonWriter writer, string name, List<string> values)
    {
        writer.WriteStartArray(name);
        foreach (string value in values) writer.WriteStringValue(value);
        writer.WriteEndArray();
    }
}
