using System.CommandLine;
using Sluice.Cli.Output;
using Sluice.Formats.Oci;
using Sluice.Node.Admin;
using Sluice.Storage.Sources;
using Sluice.Storage.Traces;

namespace Sluice.Cli.Commands;

/// <summary>What starts of images have read: for people, and for other nodes.</summary>
internal static class TraceCommand
{
    public static Command Create() => new("trace", "Look at what the start of an image has read, and give it to other nodes.") { Show(), Push() };

    private static Command Show()
    {
        Argument<string> image = Image();
        var daemon = new DaemonOptions();
        var json = new Option<bool>("--json") { Description = "Print the trace as JSON" };
        var html = new Option<string?>("--html") { Description = "Write a page with the start as a picture to this file, and print nothing" };
        var command = new Command("show", "Show which files a start read, when, and what had to be waited for.") { image, json, html };
        daemon.AddSocketTo(command);
        command.SetAction(async (parsed, cancellation) =>
        {
            ImageTrace trace = await daemon.Client(parsed).TraceAsync(parsed.GetValue(image)!, cancellation);
            if (parsed.GetValue(html) is { } path) await File.WriteAllTextAsync(path, TracePage.Write(trace), cancellation);
            else if (parsed.GetValue(json)) Console.Out.WriteLine(System.Text.Encoding.UTF8.GetString(TraceFile.Write(trace.Trace)));
            else TraceTable.Print(trace, Console.Out, Terminal.Width);
            return ExitCodes.Success;
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

    private static Argument<string> Image() => new("IMAGE") { Description = "As containerd names it, or the beginning of its digest" };
}
