using Sluice.Formats;
using Sluice.Storage.Cache;
using Sluice.Storage.Disks;

namespace Sluice.Storage.Images;

/// <summary>
/// Brings the metadata of a block image here, to be kept, and with it what else is in the ends of the layers. A layer without checksums
/// comes whole, as nothing else tells whether its end is right.
/// </summary>
public static class BlockStackLoader
{
    /// <param name="directory">Takes layers that must come whole.</param>
    /// <returns>The stack, and what puts the blocks that came with the ends of the others into <paramref name="directory"/>, too: for when the image is kept.</returns>
    /// <exception cref="SluiceException">Not a block image, a layer is damaged, or the source failed.</exception>
    public static async Task<(BlockStack Stack, Action StoreEnds)> LoadAsync(StoredImage image, CacheDirectory directory, CancellationToken cancellation)
    {
        RemoteBlockImage remote = await RemoteBlockImage.LoadAsync(
            image.Store, RemoteBlockImage.LayersOf(image), cancellation, blob => new WholeBlobSource(directory, image.Store, blob.Digest, blob.Size));
        using (remote.Index)
        {
            // The jump tables live on in the stack.
            BlockStack stack = BlockStack.Create([.. remote.Layers.Select(BlockStackLayer.Of)], remote.Index);
            return (stack, () => LayerEnds.Store(remote.Layers, stack.Layers, image.Store.Name, directory));
        }
    }
}
