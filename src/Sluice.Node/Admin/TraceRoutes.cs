using System.Diagnostics;
using System.Runtime.InteropServices;
using System.Text.Json;
using Sluice.Containerd.Snapshots.Lazy;
using Sluice.Formats;
using Sluice.Node.Explain;
using Sluice.Node.Images;
using Sluice.Node.Starts;
using Sluice.Storage.Traces;

namespace Sluice.Node.Admin;

/// <summary>What starts of images have read.</summary>
internal sealed class TraceRoutes(ImageExplainer explainer, LazyImages images) : IAdminRoutes
{
    /// <summary>Whoever asks for the end of a start may have begun with it only now: until the image is mounted takes a moment.</summary>
    private static readonly TimeSpan StartPatience = TimeSpan.FromSeconds(10);

    /// <summary>Who asks waits for 20 seconds in all.</summary>
    private static readonly TimeSpan MapLimit = TimeSpan.FromSeconds(15);

    public IEnumerable<AdminRoute> Routes =>
    [
        AdminRoute.Get("/v1/trace", Parse, async (image, cancellation) => Write(await FindAsync(image, cancellation))),
        AdminRoute.Post("/v1/trace/end", EndStartRequest.Parse, async (request, cancellation) => Write(await EndAsync(request, cancellation))),
        AdminRoute.Post("/v1/trace", ParseTrace, (trace, _) => Task.FromResult(Keep(trace)), TraceFile.MaxLength),
    ];

    private static string Parse(AdminQuery query)
    {
        string image = query.Require("image");
        query.End();
        return image;
    }

    private static StartTrace ParseTrace(JsonElement body)
    {
        try
        {
            return TraceFile.Read(JsonMarshal.GetRawUtf8Value(body).ToArray());
        }
        catch (InvalidFormatException error)
        {
            throw AdminJson.Wrong($"the body is no trace: {error.Message}");
        }
    }

    private LazyImage FindImage(string name) =>
        explainer.FindImage(name) ?? throw new SluiceException(SluiceError.NotFound, name, "is no lazy image of this node", "pull it with: sluice pull");

    private async Task<ImageTrace> EndAsync(EndStartRequest request, CancellationToken cancellation)
    {
        LazyImage image = FindImage(request.Image);
        if (await FindStartAsync(image, cancellation) is not { } start)
            throw new SluiceException(SluiceError.NotFound, image.Reference, "no start of it is followed: it is not mounted, or was mounted before the daemon began, or prefetch is off, or all of it is here and nobody is asked for it", "start a container on it");
        await start.EndAsync(request.Now, cancellation);
        return await FindAsync(request.Image, cancellation);
    }

    /// <summary>Null: there is none, also not a moment later.</summary>
    private async Task<ImageStart?> FindStartAsync(LazyImage image, CancellationToken cancellation)
    {
        for (long began = Stopwatch.GetTimestamp(); ; await Task.Delay(50, cancellation))
        {
            if (images.StartOf(image.Key.Manifest) is { } start) return start;
            if (Stopwatch.GetElapsedTime(began) > StartPatience) return null;
        }
    }

    private async Task<ImageTrace> FindAsync(string name, CancellationToken cancellation)
    {
        LazyImage image = FindImage(name);
        if (await images.Starts.Traces.LatestAsync(image.Key.Manifest) is not { } trace)
            throw new SluiceException(SluiceError.NotFound, image.Reference, "no start of it was noted yet", "start a container on it; a start is noted some seconds after the last new read");
        (FileMap? map, string? note) = await MapAsync(image, cancellation);
        return new ImageTrace(image.Reference, map is null ? trace : trace.Named(read => map.Locate(read.Blob, read.Offset, read.Length)), note);
    }

    /// <summary>A trace is of use without names, too.</summary>
    private async Task<(FileMap? Map, string? Note)> MapAsync(LazyImage image, CancellationToken cancellation)
    {
        try
        {
            return await explainer.MapBlobsAsync(image, cancellation).WaitAsync(MapLimit, cancellation) is { } map ? (map, null) : (null, "the files are not known: the image's metadata is gone");
        }
        catch (TimeoutException)
        {
            return (null, $"the files are not known: reading the file system took longer than {MapLimit.TotalSeconds:0} s");
        }
        catch (SluiceException error)
        {
            return (null, $"the files are not known: {error.Message}");
        }
    }

    private Action<Utf8JsonWriter> Keep(StartTrace trace)
    {
        if (!images.Starts.Traces.TryKeep(trace)) throw new SluiceException(SluiceError.Disk, "sluice daemon", "the disk does not take the trace", "the daemon's root directory must be writable, and its disk not full");
        return writer =>
        {
            writer.WriteStartObject();
            writer.WriteString("manifest", trace.Manifest.ToString());
            writer.WriteEndObject();
        };
    }

    private static Action<Utf8JsonWriter> Write(ImageTrace found) => writer =>
    {
        writer.WriteStartObject();
        writer.WriteString("image", found.Image);
        writer.WritePropertyName("trace");
        writer.WriteRawValue(TraceFile.Write(found.Trace));
        writer.WriteString("note", found.Note);
        writer.WriteEndObject();
    };
}
