using System.CommandLine;
using Sluice.Build.Look;
using Sluice.Cli.Output;

namespace Sluice.Cli.Commands;

internal static class InspectCommand
{
    public static Command Create()
    {
        var image = new Argument<string>("IMAGE") { Description = "docker://HOST/REPO:TAG, oci:DIR[:TAG] or oci-archive:FILE[:TAG]" };
        Option<string?> platform = ImageOptions.PlatformOption();
        var json = new Option<bool>("--json") { Description = "Print the facts as JSON on standard output" };
        var images = new ImageOptions();
        var command = new Command("inspect", "Say what an image is made of, without downloading its data.") { image, platform, json };
        images.AddTo(command);
        command.SetAction(async (parsed, cancellation) =>
        {
            await using NamedImage named = await NamedImage.OpenAsync(parsed.GetValue(image)!, parsed.GetValue(platform), images.Read(parsed), preferAccelerated: true, cancellation);
            ImageFacts facts = await ImageInspection.InspectAsync(named.Stored, cancellation);
            if (parsed.GetValue(json)) Console.Out.WriteLine(InspectReport.ToJson(named.Reference, facts));
            else InspectReport.Print(named.Reference, facts);
            Console.Error.WriteLine($"fetched {ByteSize.Text(facts.BytesFetched)} of {ByteSize.Text(facts.BytesTotal)}");
            return ExitCodes.Success;
        });
        return command;
    }
}
