using Sluice.Formats;
using Sluice.Formats.OverlayBd.Index;
using Sluice.Storage.Fetching;
using Sluice.Storage.Images;
using Sluice.Storage.Sources;

namespace Sluice.Storage.Disks;

/// <content>Block images.</content>
public sealed partial class ImageDisks
{
    /// <summary>The device of a block image.</summary>
    /// <param name="store">Where the layers come from. Layers that nothing else could check are fetched from it whole.</param>
    /// <exception cref="SluiceException">The tables contradict each other, or the cache can't be opened. Nothing stays open.</exception>
    public BlockDisk OpenBlocks(BlockStack stack, IImageStore store, string name)
    {
        MergedIndex index = stack.ReadIndex();
        List<BlobReader> layers = [];
        try
        {
            foreach (BlockStackLayer layer in stack.Layers)
            {
                IReadOnlyList<IBlobSource> sources = layer.IsChecked ? store.Sources : [new WholeBlobSource(directory, store, layer.Blob, layer.Size)];
                layers.Add(OpenReader(new OverlayBdBlobFormat(layer, store.Name), sources));
            }

            return new BlockDisk(name, index, layers);
        }
        catch
        {
            foreach (BlobReader layer in layers) layer.Dispose();
            index.Dispose();
            throw;
        }
    }
}
