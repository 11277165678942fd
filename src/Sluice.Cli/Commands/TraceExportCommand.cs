using System.CommandLine;
using Sluice.Build.Convert;
using Sluice.Formats;
using Sluice.Formats.Oci;
using Sluice.Formats.Prefetch;
using Sluice.Formats.Trees;
using Sluice.Node.Admin;
using Sluice.Storage.Images;
using Sluice.Storage.Sources;
using TraceRecords = Sluice.Formats.OverlayBd.TraceFile;

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
            string kind = parsed.GetValue(format)!;
            byte[] file = kind switch
            {
                NydusFiles => TraceExport.ToPrefetchFiles(trace.Trace),
                NydusList => TraceExport.ToList(trace.Trace),
                OverlayBdList => TraceExport.ToPriorityList(trace.Trace),
                _ => TraceExport.ToOverlayBdTrace(trace.Trace, await LayersAsync(trace, images.Read(parsed), cancellation)),
            };
            if (kind == OverlayBdTrace) CheckRecords(trace, file);
            else CheckNames(trace, kind, file);
            if (parsed.GetValue(output) is { } path) await File.WriteAllBytesAsync(path, file, cancellation);
            else await Console.OpenStandardOutput().WriteAsync(file, cancellation);
            if (trace.Note is { } note) Console.Error.WriteLine(note);
            return ExitCodes.Success;
        });
        return command;
    }

    private static void CheckRecords(ImageTrace trace, byte[] file)
    {
        if (file.Length > TraceRecords.RecordSize) return;
        throw new SluiceException(SluiceError.Image, trace.Image, "nothing that the start has read is of the image's layers", "the image was pushed anew, or the trace is of another one: start a container on it, then ask again");
    }

    /// <summary>Says how many names are missing; a list without any is an error.</summary>
    private static void CheckNames(ImageTrace trace, string format, byte[] file)
    {
        IReadOnlyList<FileName> names = TraceExport.NamesOf(trace.Trace);
        int written = format == NydusFiles ? names.Count(PrefetchFiles.CanSay) : file.Count((byte)'\n');
        if (names.Count == 0)
            throw new SluiceException(SluiceError.Usage, trace.Image, "the trace names no files", trace.Note ?? "give what `sluice trace show --json` prints of an image whose files are known, or the name of such an image");
        if (written == 0) throw new SluiceException(SluiceError.Usage, trace.Image, $"{format} can have none of the trace's {names.Count} names", "choose another format");
        if (written < names.Count) Console.Error.WriteLine($"{names.Count - written} of {names.Count} names are left out: {format} can't have them");
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
