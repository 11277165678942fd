using System.CommandLine;
using Sluice.Build.Convert;
using Sluice.Cli.Output;
using Sluice.Formats;
using Sluice.Formats.Oci;
using Sluice.Storage.Sources;

namespace Sluice.Cli.Commands;

internal static class ConvertCommand
{
    public static Command Create()
    {
        var source = new Argument<string>("SRC") { Description = "The ordinary image: docker://HOST/REPO:TAG, oci:DIR[:TAG] or oci-archive:FILE[:TAG]" };
        var destination = new Argument<string>("DST") { Description = "Where the accelerated image goes, in the same forms" };
        Option<string?> platform = ImageOptions.PlatformOption();
        var allPlatforms = new Option<bool>("--all-platforms") { Description = "Convert every image of an index and write an index" };
        var jobs = new Option<int>("--jobs") { Description = "Threads that compress", DefaultValueFactory = _ => Environment.ProcessorCount };
        var noReuse = new Option<bool>("--no-reuse") { Description = "Make every layer anew, even if the destination has it" };
        var trace = new Option<string?>("--trace")
        {
            Description = "Lay the image out for its start, and have nodes fetch ahead what that needs: a trace (sluice trace show --json, or one of overlaybd), Nydus's prefetch files, or a list of paths; auto: what lies beside the image that DST names so far, or beside SRC. rafs: the chunks of the start have zstd level 15 at least",
        };
        var json = new Option<bool>("--json") { Description = "Print the result as JSON on standard output" };
        var formats = new ConvertFormats();
        var images = new ImageOptions();
        var command = new Command("convert", "Make an accelerated image of an ordinary one.")
        {
            source, destination, platform, allPlatforms, jobs, noReuse, trace, json,
        };
        formats.AddTo(command);
        images.AddTo(command);
        command.SetAction(async (parsed, cancellation) =>
        {
            ConvertOptions options = formats.Apply(parsed, new ConvertOptions
            {
                Platform = ImageOptions.ParsePlatform(parsed.GetValue(platform)),
                AllPlatforms = parsed.GetValue(allPlatforms),
                Jobs = parsed.GetValue(jobs),
                Reuse = !parsed.GetValue(noReuse),
            });
            ImageReference from = ImageReference.Parse(parsed.GetValue(source)!);
            ImageReference to = ImageReference.Parse(parsed.GetValue(destination)!);
            if (from == to) throw new SluiceException(SluiceError.Usage, to.ToString(), "is SRC and DST: the ordinary image would lose its name", "give DST another tag");
            SourceOptions stores = images.Read(parsed);
            await using IImageStore sourceStore = ImageStores.Open(from, stores);
            ImageReference? baseImage = formats.BaseLayer(parsed);
            await using IImageStore? baseStore = baseImage is null ? null : ImageStores.Open(baseImage, stores);
            if (baseStore is not null) options = options with { Block = options.Block! with { Base = new BaseLayer(baseStore, baseImage!.TagOrDigest) } };
            ConvertResult result;
            await using (IImageStore destinationStore = ImageStores.Open(to, stores))
            {
                var starts = new ConvertStarts(options.Block is null, message => Console.Error.WriteLine(message));
                options = options with { Start = await starts.FindAsync(parsed.GetValue(trace), (sourceStore, from), (destinationStore, to), options.Platform ?? Platform.Host, cancellation) };
                using var progress = new ConvertProgress(quiet: parsed.GetValue(json));
                result = await new ImageConverter(sourceStore, destinationStore, options, progress).ConvertAsync(from.TagOrDigest, to.Tag, cancellation);
            }

            if (parsed.GetValue(json)) Console.Out.WriteLine(ConvertReport.ToJson(result));
            else ConvertReport.Print(result, to);
            return ExitCodes.Success;
        });
        return command;
    }
}
