using Sluice.Formats.Oci;
using Sluice.Storage.Disks;
using Sluice.Storage.Sources;

namespace Sluice.Node.Images;

/// <content>Images that are looked at without being mounted.</content>
internal sealed partial class ImageMounter
{
    /// <summary>Opens what is cached of an image until the answer is disposed. The registry is asked only for tables of chunks that were not kept.</summary>
    /// <exception cref="Formats.SluiceException">A table can't be had, or the cache can't be opened.</exception>
    public async Task<IAsyncDisposable> OpenCacheAsync(LocalImage image, CancellationToken cancellation)
    {
        IImageStore store = ImageStores.Open(ImageReference.Parse(image.Record.Reference), _options.Sources);
        try
        {
            return new OpenCache(store, await image.Content.OpenDisksAsync(Opener(image), store, image.Record.Manifest.Hex[..16] + "-look", image, OnLoop, cancellation));
        }
        catch
        {
            await store.DisposeAsync();
            throw;
        }
    }

    private sealed class OpenCache(IImageStore store, IReadOnlyList<IDisk> disks) : IAsyncDisposable
    {
        public ValueTask DisposeAsync()
        {
            foreach (IDisk disk in disks) disk.Dispose();
            return store.DisposeAsync();
        }
    }
}
