using System.CommandLine;
using Sluice.Build.Convert;
using Sluice.Cli.Output;
using Sluice.Formats;
using Sluice.Formats.Compression;
using Sluice.Formats.Hashing;
using Sluice.Formats.Oci;
using Sluice.Storage.Sources;

namespace Sluice.Cli.Commands;

internal static class ConvertCommand
{
    public static Command Create()
    {
        var source = new Argument<string>("SRC") { Description = "The ordinary image: docker://HOST/REPO:TAG, oci:DIR[:TAG] or oci-archive:FILE[:TAG]" };
        var destination = new Argument<string>("DST") { Description = "Where the accelerated image goes, in the same forms" };
        var format = new Option<string>("--format") { Description = "rafs", DefaultValueFactory = _ => "rafs" };
        Option<string?> platform = ImageOptions.PlatformOption();
        var allPlatforms = new Option<bool>("--all-platforms") { Description = "Convert every image of an index and write an index" };
        var compressor = new Option<string>("--compressor") { Description = "zstd, lz4_block or none", DefaultValueFactory = _ => "zstd" };
        var level = new Option<int>("--level") { Description = "zstd level, 1 to 19", DefaultValueFactory = _ => 3 };
        var chunkSize = new Option<string?>("--chunk-size") { Description = "A power of two from 4KiB to 16MiB" };
        var digester = new Option<string>("--digester") { Description = "blake3 or sha256", DefaultValueFactory = _ => "blake3" };
        var jobs = new Option<int>("--jobs") { Description = "Threads that compress", DefaultValueFactory = _ => Environment.ProcessorCount };
        var noReuse = new Option<bool>("--no-reuse") { Description = "Make every layer anew, even if the destination has it" };
        var json = new Option<bool>("--json") { Description = "Print the result as JSON on standard output" };
        var images = new ImageOptions();
        var command = new Command("convert", "Make an accelerated image of an ordinary one.")
        {
            source, destination, format, platform, allPlatforms, compressor, level, chunkSize, digester, jobs, noReuse, json,
        };
        images.AddTo(command);
        command.SetAction(async (parsed, cancellation) =>
        {
            if (parsed.GetValue(format) != "rafs") throw new SluiceException(SluiceError.Usage, "--format", $"'{parsed.GetValue(format)}' is not known", "rafs is the format there is");
            var options = new ConvertOptions
            {
                Platform = ImageOptions.ParsePlatform(parsed.GetValue(platform)),
                AllPlatforms = parsed.GetValue(allPlatforms),
                Compressor = ParseCompressor(parsed.GetValue(compressor)!),
                Level = parsed.GetValue(level),
                Digester = ParseDigester(parsed.GetValue(digester)!),
                Jobs = parsed.GetValue(jobs),
                Reuse = !parsed.GetValue(noReuse),
            };
            if (parsed.GetValue(chunkSize) is { } size) options = options with { ChunkSize = ImageOptions.ParseSize("--chunk-size", size) };
            ImageReference from = ImageReference.Parse(parsed.GetValue(source)!);
            ImageReference to = ImageReference.Parse(parsed.GetValue(destination)!);
            if (from == to) throw new SluiceException(SluiceError.Usage, to.ToString(), "is SRC and DST: the ordinary image would lose its name", "give DST another tag");
            SourceOptions stores = images.Read(parsed);
            await using IImageStore sourceStore = ImageStores.Open(from, stores);
            ConvertResult result;
            await using (IImageStore destinationStore = ImageStores.Open(to, stores))
            {
                using var progress = new ConvertProgress(quiet: parsed.GetValue(json));
                result = await new ImageConverter(sourceStore, destinationStore, options, progress).ConvertAsync(from.TagOrDigest, to.Tag, cancellation);
            }

            if (parsed.GetValue(json)) Console.Out.WriteLine(ConvertReport.ToJson(result));
            else ConvertReport.Print(result, to);
            return ExitCodes.Success;
        });
        return command;
    }

    private static Compressor ParseCompressor(string text) => text switch
    {
        "zstd" => Compressor.Zstd,
        "lz4_block" or "lz4" => Compressor.Lz4Block,
        "none" => Compressor.None,
        _ => throw new SluiceException(SluiceError.Usage, "--compressor", $"'{text}' is not known", "choose zstd, lz4_block or none"),
    };

    private static DigestAlgorithm ParseDigester(string text) => text switch
    {
        "blake3" => DigestAlgorithm.Blake3,
        "sha256" => DigestAlgorithm.Sha256,
        _ => throw new SluiceException(SluiceError.Usage, "--digester", $"'{text}' is not known", "choose blake3 or sha256"),
    };
}
