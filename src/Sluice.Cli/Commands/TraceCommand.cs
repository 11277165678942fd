using System.CommandLine;
using Sluice.Cli.Output;
using Sluice.Formats;
using Sluice.Formats.Oci;
using Sluice.Node.Admin;
using Sluice.Storage.Sources;
using Sluice.Storage.Traces;

namespace Sluice.Cli.Commands;

/// <summary>What starts of images have read: for people, and for other nodes.</summary>
internal static class TraceCommand
{
    public static Command Create() => new("trace", "Look at what the start of an image has read, and give it to other nodes.") { TraceRecordCommand.Create(), Show(), Diff(), TraceExportCommand.Create(), Push(), Pull() };

    private static Command Show()
    {
        Argument<string> image = TraceArgument.Create("TRACE");
        var daemon = new DaemonOptions();
        var json = new Option<bool>("--json") { Description = "Print the trace as JSON" };
        var html = new Option<string?>("--html") { Description = "Write a page with the start as a picture to this file instead" };
        var svg = new Option<string?>("--svg") { Description = "Write the picture alone to this file instead" };
        var command = new Command("show", "Show which files a start read, when, from where, and how long it had to wait.") { image, json, html, svg };
        daemon.AddSocketTo(command);
        command.SetAction(async (parsed, cancellation) =>
        {
            ImageTrace trace = await TraceArgument.ReadAsync(parsed.GetValue(image)!, daemon.Client(parsed), cancellation);
            (string? page, string? picture) = (parsed.GetValue(html), parsed.GetValue(svg));
            if (page is not null) await File.WriteAllTextAsync(page, TracePage.Write(trace), cancellation);
            if (picture is not null) await File.WriteAllTextAsync(picture, TracePicture.Write(trace), cancellation);
            if (parsed.GetValue(json)) Console.Out.WriteLine(System.Text.Encoding.UTF8.GetString(TraceFile.Write(trace.Trace)));
            else if (page is null && picture is null) TraceTable.Print(trace, Console.Out, Terminal.Width);
            if (trace.Note is { } note) Console.Error.WriteLine(note);
            return ExitCodes.Success;
        });
        return command;
    }

    private static Command Diff()
    {
        Argument<string> before = TraceArgument.Create("A"), after = TraceArgument.Create("B");
        var daemon = new DaemonOptions();
        var all = new Option<bool>("--all") { Description = "Show also what is the same in both" };
        var json = new Option<bool>("--json") { Description = "Print the comparison as JSON" };
        var command = new Command("diff", "Compare what two starts have read: which files only one of them read, and what came earlier or later.") { before, after, all, json };
        daemon.AddSocketTo(command);
        command.SetAction(async (parsed, cancellation) =>
        {
            AdminClient client = daemon.Client(parsed);
            (StartTrace one, StartTrace other) = ((await TraceArgument.ReadAsync(parsed.GetValue(before)!, client, cancellation)).Trace, (await TraceArgument.ReadAsync(parsed.GetValue(after)!, client, cancellation)).Trace);
            IReadOnlyList<TraceChange> changes = TraceDifference.Of(one, other);
            if (parsed.GetValue(json)) Console.Out.WriteLine(TraceDiffReport.ToJson(one, other, changes));
            else TraceDiffReport.Print(one, other, changes, parsed.GetValue(all), Console.Out, Terminal.Width);
            return changes.All(change => change.IsNone) ? ExitCodes.Success : ExitCodes.Different;
        });
        return command;
    }

    private static Command Push()
    {
        Argument<string> image = Image();
        var daemon = new DaemonOptions();
        var images = new ImageOptions();
        var command = new Command("push", "Put the trace of an image beside it in its registry: nodes that pull the image fetch ahead what it names. The image itself stays as it is.") { image };
        daemon.AddSocketTo(command);
        images.AddTo(command);
        command.SetAction(async (parsed, cancellation) =>
        {
            ImageTrace trace = await daemon.Client(parsed).TraceAsync(parsed.GetValue(image)!, cancellation);
            await using IImageStore store = ImageStores.Open(ImageReference.Parse(trace.Image), images.Read(parsed));
            Digest artifact = await TraceArtifacts.PushAsync(store, trace.Trace, cancellation);
            Console.Out.WriteLine($"{artifact}  {TraceArtifacts.MediaType}  {trace.Trace.Reads.Count} chunks, {ByteSize.Text(trace.Trace.Bytes)}, of {trace.Image}");
            return ExitCodes.Success;
        });
        return command;
    }

    private static Command Pull()
    {
        var image = new Argument<string>("IMAGE") { Description = "docker://HOST/REPO:TAG, oci:DIR[:TAG] or oci-archive:FILE[:TAG]" };
        Option<string?> platform = ImageOptions.PlatformOption();
        var output = new Option<string?>("--output", "-o") { Description = "Write the trace to this file instead of giving it to the daemon" };
        var daemon = new DaemonOptions();
        var images = new ImageOptions();
        var command = new Command("pull", "Get what lies beside an image in its registry, for the next start of the image on this node.") { image, platform, output };
        daemon.AddSocketTo(command);
        images.AddTo(command);
        command.SetAction(async (parsed, cancellation) =>
        {
            await using NamedImage named = await NamedImage.OpenAsync(parsed.GetValue(image)!, parsed.GetValue(platform), images.Read(parsed), preferAccelerated: true, cancellation);
            Digest manifest = named.Stored.Stored.Digest;
            if (await TraceArtifacts.FindAsync(named.Stored.Store, manifest, cancellation) is not { } trace)
                throw new SluiceException(SluiceError.NotFound, named.Reference.ToString(), $"no trace lies beside {manifest}", "a node that has started the image puts one there with: sluice trace push");
            if (parsed.GetValue(output) is { } path) await File.WriteAllBytesAsync(path, TraceFile.Write(trace), cancellation);
            else await daemon.Client(parsed).KeepTraceAsync(trace, cancellation);
            Console.Error.WriteLine($"{trace.Reads.Count} chunks, {ByteSize.Text(trace.Bytes)}, of {manifest}");
            return ExitCodes.Success;
        });
        return command;
    }

    private static Argument<string> Image() => new("IMAGE") { Description = "As containerd names it, or the beginning of its digest" };
}
