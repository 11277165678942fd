using System.CommandLine;
using Sluice.Build.Convert;
using Sluice.Formats;
using Sluice.Formats.Oci;
using Sluice.Node.Admin;
using Sluice.Storage.Images;
using Sluice.Storage.Sources;
using Sluice.Storage.Traces;

namespace Sluice.Cli.Commands;

/// <summary><c>sluice trace export</c>: a start for the programs of others.</summary>
internal static class TraceExportCommand
{
    private const string NydusFiles = "nydus-files", NydusList = "nydus-list", OverlayBdTrace = "overlaybd-trace", OverlayBdList = "overlaybd-list";

    public static Command Create()
    {
        Argument<string> name = TraceArgument.Create("TRACE");
        var format = new Argument<string>("FORMAT") { Description = $"{NydusFiles} (JSON), {NydusList} (prefetch patterns), {OverlayBdTrace} or {OverlayBdList} (priority list)" };
        format.AcceptOnlyFromAmong(NydusFiles, NydusList, OverlayBdTrace, OverlayBdList);
        var output = new Option<string?>("--output", "-o") { Description = "Write it to this file" };
        var daemon = new DaemonOptions();
        var images = new ImageOptions();
        var command = new Command("export", "Write what a start has read as Nydus or overlaybd take it.") { name, format, output };
        daemon.AddSocketTo(command);
        images.AddTo(command);
        command.SetAction(async (parsed, cancellation) =>
        {
            ImageTrace trace = await TraceArgument.ReadAsync(parsed.GetValue(name)!, daemon.Client(parsed), cancellation);
            byte[] file = parsed.GetValue(format) switch
            {
                NydusFiles => TraceExport.ToPrefetchFiles(trace.Trace),
                NydusList => TraceExport.ToList(trace.Trace),
                OverlayBdList => TraceExport.ToPriorityList(trace.Trace),
                _ => TraceExport.ToOverlayBdTrace(trace.Trace, await LayersAsync(trace, images.Read(parsed), cancellation)),
            };
            if (parsed.GetValue(output) is { } path) await File.WriteAllBytesAsync(path, file, cancellation);
            else await Console.OpenStandardOutput().WriteAsync(file, cancellation);
            if (trace.Note is { } note) Console.Error.WriteLine(note);
            return ExitCodes.Success;
        });
        return command;
    }

    /// <summary>A trace of overlaybd numbers the layers: their order is in the image's manifest.</summary>
    private static async Task<IReadOnlyList<Digest>> LayersAsync(ImageTrace trace, SourceOptions options, CancellationToken cancellation)
    {
        if (File.Exists(trace.Image)) throw new SluiceException(SluiceError.Usage, trace.Image, "does not say in which order the image's layers are", "give the name of an image that this node has started");
        await using IImageStore store = ImageStores.Open(ImageReference.Parse(trace.Image), options);
        StoredImage image = StoredImage.Of(store, await store.GetManifestAsync(trace.Trace.Manifest.ToString(), cancellation));
        return [.. RemoteBlockImage.LayersOf(image).Select(layer => layer.Digest)];
    }
}
