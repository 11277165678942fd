using System.Collections.Concurrent;
using Sluice.Formats.Oci;
using Sluice.Storage.Sources;
using Sluice.Testing;

[assembly: AssemblyFixture(typeof(Sluice.EndToEnd.Harness.ConvertedImages))]

namespace Sluice.EndToEnd.Harness;

/// <summary>Ordinary images that <c>sluice convert</c> has converted, each once a run: a conversion has the same bytes every time.</summary>
public sealed class ConvertedImages : IDisposable
{
    private static readonly TemporaryDirectory Directory = new();
    private static readonly ConcurrentDictionary<(Digest Manifest, ImageFormat Format), Lazy<Task<string>>> Layouts = new();

    /// <summary>Stores what the image is converted to under <paramref name="reference"/>.</summary>
    internal static async Task PushAsync(OrdinaryImage image, ImageFormat format, string reference)
    {
        (Digest, ImageFormat) key = (Digest.Sha256(image.Manifest), format);
        Lazy<Task<string>> layout = Layouts.GetOrAdd(key, _ => new Lazy<Task<string>>(() => ConvertAsync(image, format)));
        try
        {
            await CopyAsync(await layout.Value, reference);
        }
        catch
        {
            Layouts.TryRemove(key, out _); // else the end of one test would be that of others
            throw;
        }
    }

    public void Dispose() => Directory.Dispose();

    private static async Task<string> ConvertAsync(OrdinaryImage image, ImageFormat format)
    {
        string name = Directory.File(Guid.NewGuid().ToString("n")), ordinary = $"oci:{name}:v1", converted = $"oci:{name}-{format}:v1";
        await image.PushAsync(ordinary);
        (await SluiceProgram.RunAsync("convert", "--format", format == ImageFormat.Rafs ? "rafs" : "overlaybd", ordinary, converted)).Succeeds();
        return converted;
    }

    private static async Task CopyAsync(string layout, string reference)
    {
        ImageReference from = ImageReference.Parse(layout), to = ImageReference.Parse(reference);
        await using IImageStore source = ImageStores.Open(from, new SourceOptions()), destination = ImageStores.Open(to, new SourceOptions());
        StoredManifest stored = await source.GetManifestAsync(from.TagOrDigest, TestMachine.Cancellation);
        ImageManifest manifest = ImageManifest.Parse(stored.Content.Span, stored.MediaType);
        foreach (Descriptor blob in manifest.Layers.Append(manifest.Config)) await destination.CopyBlobAsync(source, blob, TestMachine.Cancellation);
        await destination.PutManifestAsync(stored, to.Tag, TestMachine.Cancellation);
    }
}
