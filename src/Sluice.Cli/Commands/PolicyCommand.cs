using System.CommandLine;
using System.Text.Encodings.Web;
using System.Text.Json;
using Sluice.Cli.Output;
using Sluice.Node.Admin;
using Sluice.Node.Configuration;
using Sluice.Node.Policies;

namespace Sluice.Cli.Commands;

internal static class PolicyCommand
{
    public static Command Create() => new("policy", "How images come to this node.") { Explain() };

    private static Command Explain()
    {
        var image = new Argument<string>("IMAGE") { Description = "An image in a registry: HOST/REPO:TAG" };
        var settings = new NodeSettings();
        Option<string?> platform = ImageOptions.PlatformOption();
        var json = new Option<bool>("--json") { Description = "Print the answer as JSON" };
        var command = new Command("explain", "Say how an image would come here, lazily or eagerly, by which rule, and why. Changes nothing.") { image, platform, json };
        settings.AddTo(command);
        command.SetAction(async (parsed, cancellation) =>
        {
            var request = new PolicyRequest(parsed.GetValue(image)!, parsed.GetValue(platform));
            NodeOptions node = settings.Read(parsed);
            var daemon = new AdminClient(node.AdminSocketPath);
            bool isAsked = await daemon.ListensAsync(cancellation);
            PullExplanation explanation = isAsked ? await daemon.ExplainPolicyAsync(request, cancellation) : await new PolicyExplainer(node).ExplainAsync(request.Image, request.Platform, cancellation);
            if (!isAsked) Console.Error.WriteLine($"note: no daemon listens on {node.AdminSocketPath}; this is what one would do that knows nothing of its links");
            if (parsed.GetValue(json)) Console.Out.WriteLine(ToJson(explanation));
            else PolicyScreen.Print(explanation, Console.Out, Terminal.Width);
            return ExitCodes.Success;
        });
        return command;
    }

    private static string ToJson(PullExplanation explanation) => JsonSerializer.Serialize(
        explanation, new PullExplanationJson(new JsonSerializerOptions(PullExplanationJson.Default.Options) { WriteIndented = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping }).PullExplanation);
}
