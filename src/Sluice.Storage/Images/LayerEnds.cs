using Sluice.Formats;
using Sluice.Storage.Cache;
using Sluice.Storage.Disks;

namespace Sluice.Storage.Images;

/// <summary>
/// What comes along with the indexes of layers and would be fetched next: in layers that Sluice made, metadata of the file system stands in front
/// of them.
/// </summary>
internal static class LayerEnds
{
    /// <summary>Puts it to the cache, as far as it is whole and right and the cache takes it; never faults. The rest is fetched when it is read.</summary>
    /// <param name="tables">The same layers.</param>
    /// <param name="origin">As of <see cref="OverlayBdBlobFormat"/>.</param>
    public static void Store(IReadOnlyList<RemoteBlockLayer> layers, IReadOnlyList<BlockStackLayer> tables, string origin, CacheDirectory directory)
    {
        for (int i = 0; i < layers.Count; i++) Store(layers[i], tables[i], origin, directory);
    }

    private static void Store(RemoteBlockLayer layer, BlockStackLayer table, string origin, CacheDirectory directory)
    {
        if (!table.IsChecked) return;
        var format = new OverlayBdBlobFormat(table, origin);
        int end = format.Find(layer.Layer.Trailer.IndexOffset - 1) + 1;
        int first = end;
        while (first > 0 && format.GetUnit(first - 1).CompressedOffset >= layer.TailOffset) first--;
        if (first == end) return;
        try
        {
            BlobCache cache = directory.Open(format);
            try
            {
                for (int unit = first; unit < end; unit++) Store(layer, format, unit, cache);
            }
            finally
            {
                directory.Close(cache);
            }
        }
        catch (Exception exception) when (exception is SluiceException or ObjectDisposedException)
        {
            // Whoever opens the image will be told, or the process ends.
        }
    }

    private static void Store(RemoteBlockLayer layer, OverlayBdBlobFormat format, int unit, BlobCache cache)
    {
        ChunkExtent chunk = format.GetExtent(unit);
        if (cache.IsPresent(chunk.Number)) return;
        FetchUnit extent = format.GetUnit(unit);
        byte[] content = GC.AllocateUninitializedArray<byte>(extent.DecodedLength);
        try
        {
            format.Decode(unit, layer.Tail.Span.Slice((int)(extent.CompressedOffset - layer.TailOffset), extent.CompressedLength), content);
            cache.Store(format, unit, content);
        }
        catch (InvalidFormatException)
        {
            // A source may be right the next time.
        }
    }
}
