using Sluice.Build.Look;
using Sluice.Cli.Output;
using Sluice.Formats.Oci;
using Sluice.Storage.Images;
using Sluice.Storage.Sources;

namespace Sluice.Cli.Commands;

/// <summary>An image that a command line names, with its store open.</summary>
internal sealed class NamedImage(ImageReference reference, IImageStore store, StoredImage stored) : IAsyncDisposable
{
    public ImageReference Reference => reference;

    public StoredImage Stored => stored;

    /// <param name="preferAccelerated">Take the RAFS manifest where an index has both kinds.</param>
    public static async Task<NamedImage> OpenAsync(string name, string? platform, SourceOptions options, bool preferAccelerated, CancellationToken cancellation)
    {
        ImageReference reference = ImageReference.Parse(name);
        Platform wanted = ImageOptions.ParsePlatform(platform) ?? Platform.Host;
        IImageStore store = ImageStores.Open(reference, options);
        try
        {
            return new NamedImage(reference, store, await ImageResolver.ResolveAsync(store, reference.TagOrDigest, wanted, preferAccelerated, cancellation));
        }
        catch
        {
            await store.DisposeAsync();
            throw;
        }
    }

    /// <summary>Says on standard error what a look into the image has cost.</summary>
    public static void ReportFetched(ImageContents contents)
    {
        foreach (string warning in contents.Warnings) Console.Error.WriteLine($"warning: {warning}");
        Console.Error.WriteLine($"fetched {ByteSize.Text(contents.BytesFetched)} of {ByteSize.Text(contents.BytesTotal)}");
    }

    public ValueTask DisposeAsync() => store.DisposeAsync();
}
