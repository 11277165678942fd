using System.Text.Json;
using System.Text.Json.Serialization;
using Sluice.Build.Convert;
using Sluice.Formats.Oci;

namespace Sluice.Cli.Output;

/// <summary>What <c>sluice convert</c> says when it is done.</summary>
internal static partial class ConvertReport
{
    public static void Print(ConvertResult result, ImageReference destination)
    {
        foreach (ConvertedImage image in result.Images)
        {
            foreach (string warning in image.Warnings) Console.Error.WriteLine($"warning: {warning}");
            long source = image.Layers.Sum(l => l.Source.Size), blobs = image.Layers.Sum(l => l.Blob.Size);
            string bootstrap = image.BootstrapSize == 0 ? "" : $" and a bootstrap of {ByteSize.Text(image.BootstrapSize)}";
            Console.Out.WriteLine($"{image.Manifest.Digest}  {image.Layers.Count} layers, {ByteSize.Text(source)} -> {ByteSize.Text(blobs)}{bootstrap}");
        }

        Console.Out.WriteLine($"{destination}  {result.Manifest.Digest}");
    }

    public static string ToJson(ConvertResult result) => JsonSerializer.Serialize(
        new Result(result.Manifest.Digest.ToString(), result.Manifest.MediaType, result.Manifest.Size, [.. result.Images.Select(ToImage)]), Json.Default.Result);

    private static Image ToImage(ConvertedImage image) => new(
        image.Source.Digest.ToString(),
        image.Manifest.Digest.ToString(),
        image.BootstrapSize,
        image.Warnings,
        [.. image.Layers.Select(l => new Layer(l.Source.Digest.ToString(), l.Source.Size, l.Blob.Digest.ToString(), l.Blob.Size, l.Reused, l.Chunks, l.DuplicateBytes))]);

    private sealed record Result(string Digest, string MediaType, long Size, IReadOnlyList<Image> Images);

    private sealed record Image(string Source, string Digest, long BootstrapSize, IReadOnlyList<string> Warnings, IReadOnlyList<Layer> Layers);

    private sealed record Layer(string Source, long SourceSize, string Digest, long Size, bool Reused, int Chunks, long DuplicateBytes);

    [JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, WriteIndented = true)]
    [JsonSerializable(typeof(Result))]
    private sealed partial class Json : JsonSerializerContext;
}
