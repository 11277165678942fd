using System.Text.Json;
using Sluice.Formats;
using Sluice.Formats.Oci;
using Sluice.Node.Explain;
using Sluice.Node.Images;
using Sluice.Node.Starts;
using Sluice.Storage.Traces;

namespace Sluice.Node.Admin;

/// <summary>What starts of images have read.</summary>
internal sealed class TraceRoutes(ImageExplainer explainer, LazyImages images) : IAdminRoutes
{
    public IEnumerable<AdminRoute> Routes =>
    [
        AdminRoute.Get("/v1/trace", Parse, async (image, _) => Write(await FindAsync(image))),
    ];

    private static string Parse(AdminQuery query)
    {
        string image = query.Require("image");
        query.End();
        return image;
    }

    private async Task<(string Image, StartTrace Trace, IReadOnlyList<string?> Files)> FindAsync(string name)
    {
        if (explainer.FindImage(name) is not { } image)
            throw new SluiceException(SluiceError.NotFound, name, "is no lazy image of this node", "pull it with: sluice pull");
        Digest manifest = image.Key.Manifest;
        if (await images.Traces.FindAsync(manifest) is not { } trace)
            throw new SluiceException(SluiceError.NotFound, image.Reference, "no start of it was noted yet", "start a container on it; a start is noted some seconds after the last new read");
        FileMap? map = images.LoadLocal(manifest)?.Content is RafsContent rafs ? FileMap.Of(rafs.Image, "") : null;
        return (image.Reference, trace, [.. trace.Reads.Select(read => map?.Find($"{read.Blob.Hex}-", read.Offset, read.Length))]);
    }

    private static Action<Utf8JsonWriter> Write((string Image, StartTrace Trace, IReadOnlyList<string?> Files) found) => writer =>
    {
        writer.WriteStartObject();
        writer.WriteString("image", found.Image);
        writer.WritePropertyName("trace");
        writer.WriteRawValue(TraceFile.Write(found.Trace));
        writer.WriteStartArray("files");
        foreach (string? file in found.Files) writer.WriteStringValue(file);
        writer.WriteEndArray();
        writer.WriteEndObject();
    };
}
