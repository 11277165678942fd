using System.CommandLine;
using Sluice.Build.Check;
using Sluice.Cli.Output;
using Sluice.Storage.Sources;

namespace Sluice.Cli.Commands;

internal static class CheckCommand
{
    public static Command Create()
    {
        var source = new Argument<string>("SRC") { Description = "The ordinary image: docker://HOST/REPO:TAG, oci:DIR[:TAG] or oci-archive:FILE[:TAG]" };
        var destination = new Argument<string>("DST") { Description = "The image that was made of it, in the same forms" };
        Option<string?> platform = ImageOptions.PlatformOption();
        var metadataOnly = new Option<bool>("--metadata-only") { Description = "Do not fetch the stored chunks to verify them" };
        var wholeSeconds = new Option<bool>("--whole-seconds") { Description = "Compare times by the second (images made by nydus-image have no fractions)" };
        var json = new Option<bool>("--json") { Description = "Print the result as JSON on standard output" };
        var images = new ImageOptions();
        var command = new Command("check", "Prove that an accelerated image holds the same files as its source.") { source, destination, platform, metadataOnly, wholeSeconds, json };
        images.AddTo(command);
        command.SetAction(async (parsed, cancellation) =>
        {
            SourceOptions stores = images.Read(parsed);
            string? wanted = parsed.GetValue(platform);
            await using NamedImage from = await NamedImage.OpenAsync(parsed.GetValue(source)!, wanted, stores, preferAccelerated: false, cancellation);
            await using NamedImage to = await NamedImage.OpenAsync(parsed.GetValue(destination)!, wanted, stores, preferAccelerated: true, cancellation);
            var options = new CheckOptions { MetadataOnly = parsed.GetValue(metadataOnly), WholeSeconds = parsed.GetValue(wholeSeconds) };
            CheckResult result = await new ImageChecker(from.Stored, to.Stored, options).RunAsync(cancellation);
            if (parsed.GetValue(json)) Console.Out.WriteLine(CheckReport.ToJson(result));
            else CheckReport.Print(result, options);
            return result.Same ? ExitCodes.Success : ExitCodes.Different;
        });
        return command;
    }
}
