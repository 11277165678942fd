using System.CommandLine;
using System.Text.Encodings.Web;
using System.Text.Json;
using Sluice.Cli.Output;
using Sluice.Node.Admin;
using Sluice.Node.Explain;

namespace Sluice.Cli.Commands;

internal static class ExplainCommand
{
    public static Command Create()
    {
        var name = new Argument<string>("CONTAINER|IMAGE") { Description = "A container's id, an image as containerd names it, or the beginning of its digest" };
        var daemon = new DaemonOptions();
        var files = new Option<bool>("--files") { Description = "Name the slowest files of block images, too: reads their metadata from the registry" };
        var json = new Option<bool>("--json") { Description = "Print the answer as JSON" };
        var command = new Command("explain", "Say why a container, or an image, started as it did: what was fetched, what was waited for, and what would help.") { name, files, json };
        daemon.AddTo(command);
        command.SetAction(async (parsed, cancellation) =>
        {
            Explanation explanation = await daemon.Client(parsed).ExplainAsync(new ExplainRequest(parsed.GetValue(name)!, daemon.Containerd(parsed), daemon.Namespace(parsed), parsed.GetValue(files)), cancellation);
            if (parsed.GetValue(json)) Console.Out.WriteLine(ToJson(explanation));
            else ExplainScreen.Print(explanation, Console.Out, Terminal.Width);
            return ExitCodes.Success;
        });
        return command;
    }

    private static string ToJson(Explanation explanation) =>
        JsonSerializer.Serialize(explanation, new ExplainJson(new JsonSerializerOptions(ExplainJson.Default.Options) { WriteIndented = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping }).Explanation);
}
