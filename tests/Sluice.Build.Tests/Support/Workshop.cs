using Sluice.Build.Check;
using Sluice.Build.Convert;
using Sluice.Formats.Oci;
using Sluice.Formats.Trees;
using Sluice.Storage.Images;
using Sluice.Storage.Sources;
using Sluice.Testing;

namespace Sluice.Build.Tests.Support;

/// <summary>Two OCI layouts in a temporary directory: sources and what is made of them.</summary>
internal sealed class Workshop : IAsyncDisposable
{
    private readonly TemporaryDirectory _directory = new();

    public Workshop()
    {
        Source = Open("source");
        Destination = Open("destination");
    }

    public string Path => _directory.Path;

    public IImageStore Source { get; }

    public IImageStore Destination { get; }

    public static ConvertOptions Small => new() { ChunkSize = 4096, Jobs = 2 };

    public string File(string name) => _directory.File(name);

    public string BlobFile(string layout, Digest digest) => System.IO.Path.Combine(Path, layout, "blobs", "sha256", digest.Hex);

    public IImageStore Open(string layout) => ImageStores.Open(ImageReference.Parse($"oci:{_directory.File(layout)}"), new SourceOptions());

    public Task<ConvertResult> ConvertAsync(ConvertOptions? options = null, string from = "a", string to = "a") =>
        new ImageConverter(Source, Destination, options ?? Small).ConvertAsync(from, to, CancellationToken.None);

    public static Task<StoredImage> ResolveAsync(IImageStore store, string tag = "a") =>
        ImageResolver.ResolveAsync(store, tag, Platform.Host, preferAccelerated: true, CancellationToken.None);

    public async Task<RemoteRafsImage> LoadAsync(string tag = "a") => await RafsImageLoader.LoadAsync(await ResolveAsync(Destination, tag), CancellationToken.None);

    public async Task<Inode> TreeAsync(string tag = "a") => (await LoadAsync(tag)).Image.Root;

    /// <summary>With stores of its own: a layout's store keeps files open that a test may have replaced.</summary>
    public async Task<CheckResult> CheckAsync(CheckOptions? options = null, string source = "a", string image = "a")
    {
        await using IImageStore from = Open("source"), to = Open("destination");
        return await new ImageChecker(await ResolveAsync(from, source), await ResolveAsync(to, image), options ?? new CheckOptions()).RunAsync(CancellationToken.None);
    }

    /// <summary>Two images of the destination.</summary>
    public async Task<CheckResult> CheckRafsAsync(string one, string other, CheckOptions options) =>
        await new ImageChecker(await ResolveAsync(Destination, one), await ResolveAsync(Destination, other), options).RunAsync(CancellationToken.None);

    public async ValueTask DisposeAsync()
    {
        await Source.DisposeAsync();
        await Destination.DisposeAsync();
        _directory.Dispose();
    }
}
