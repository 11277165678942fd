using Sluice.Containerd.Snapshots.Lazy;
using Sluice.Formats.Oci;
using Sluice.Storage.Images;
using Sluice.Storage.Sources;

namespace Sluice.Node.Images;

/// <summary>Where the images of containers come from.</summary>
internal sealed class ImageSources(SourceOptions options)
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(3);

    /// <param name="reference">As records have it, with its scheme. The store is the caller's.</param>
    public IImageStore Open(string reference) => ImageStores.Open(ImageReference.Parse(reference), options);

    /// <summary>An image at its source: its manifest (of a prefix the one that was made), and the store, which is the caller's.</summary>
    /// <inheritdoc cref="Open"/>
    public async Task<StoredImage> FindAsync(LazyImage image, string reference, CancellationToken cancellation)
    {
        IImageStore store = Open(reference);
        try
        {
            return await ManifestAsync(image, store, cancellation);
        }
        catch
        {
            await store.DisposeAsync();
            throw;
        }
    }

    public static async Task<StoredImage> ManifestAsync(LazyImage image, IImageStore store, CancellationToken cancellation)
    {
        if (image.Made is { } made) return new StoredImage(store, new StoredManifest(MediaTypes.OciManifest, image.Key.Manifest, made.ToBytes()), made);
        return StoredImage.Of(store, await store.GetManifestAsync(image.Key.Manifest.ToString(), cancellation));
    }

    /// <summary>
    /// Nothing of an image that was never mounted is here but its metadata, so that a container on it would only wait, for the deadline of its first read: rather it is said at once
    /// that the source is away.
    /// </summary>
    public static async Task CheckAsync(LazyImage image, IImageStore store, CancellationToken cancellation)
    {
        if (image.Made is not null) return; // its source does not know it
        await SourceDeadline.AskAsync(Patience, store, $"the manifest of {image.Reference}, of which nothing was read before", token => store.GetManifestAsync(image.Key.Manifest.ToString(), token), cancellation);
    }
}
