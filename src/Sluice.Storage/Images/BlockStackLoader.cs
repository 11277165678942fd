using Sluice.Formats;
using Sluice.Formats.Oci;
using Sluice.Formats.OverlayBd;
using Sluice.Formats.OverlayBd.Artifacts;
using Sluice.Formats.OverlayBd.Index;
using Sluice.Storage.Cache;
using Sluice.Storage.Disks;
using Sluice.Storage.Sources;

namespace Sluice.Storage.Images;

/// <summary>
/// Brings the metadata of a block image here: the end of every layer, all layers at once, two ranged reads each at most as a rule. A layer
/// without checksums comes whole, as nothing else tells whether its end is right.
/// </summary>
public static class BlockStackLoader
{
    /// <summary>Ends of layers that are fetched at a time, for the memory: 256 KiB each as a rule.</summary>
    private const int Concurrency = 32;

    /// <summary>A damaged end is asked for once more.</summary>
    private const int Attempts = 2;

    /// <summary>The layers of the device, the lowest first; null if this is no native OverlayBD image.</summary>
    public static IReadOnlyList<Descriptor>? FindLayers(ImageManifest manifest) =>
        OverlayBdAnnotations.AreOn(manifest) ? [.. manifest.Layers.Where(layer => !layer.Annotations!.ContainsKey(OverlayBdAnnotations.AccelerationLayer))] : null;

    /// <param name="directory">Takes layers that must come whole.</param>
    /// <exception cref="SluiceException">Not a block image, a layer is damaged, or the source failed.</exception>
    public static async Task<BlockStack> LoadAsync(StoredImage image, CacheDirectory directory, CancellationToken cancellation)
    {
        IReadOnlyList<Descriptor> layers = FindLayers(image.Manifest) is { Count: > 0 } found
            ? found
            : throw new SluiceException(SluiceError.Image, image.Store.Name, $"{image.Stored.Digest} is no OverlayBD image");
        if (layers.Count > MergedIndex.MaxLayers) throw new SluiceException(SluiceError.Image, image.Store.Name, $"{image.Stored.Digest} has {layers.Count} layers, more than {MergedIndex.MaxLayers}");
        using SemaphoreSlim turns = new(Concurrency);
        Task<BlockLayer>[] reading = [.. layers.Select(layer => ReadAsync(image.Store, layer, directory, turns, cancellation))];
        await Task.WhenAll(reading);
        using MergedIndexBuilder indexes = new();
        List<BlockStackLayer> tables = [];
        for (int i = 0; i < layers.Count; i++)
        {
            BlockLayer layer = await reading[i];
            indexes.AddLayer(layer.Extents, layer.Trailer.VirtualSize);
            tables.Add(new BlockStackLayer(layers[i].Digest, layers[i].Size, layer.PayloadOffset, layer.Length, layer.ZFile));
        }

        return BlockStack.Create(tables, indexes);
    }

    private static async Task<BlockLayer> ReadAsync(IImageStore store, Descriptor blob, CacheDirectory directory, SemaphoreSlim turns, CancellationToken cancellation)
    {
        await turns.WaitAsync(cancellation);
        try
        {
            BlockLayer layer = await ReadTailAsync(store, blob, cancellation);
            return layer.ZFile is { Codec.HasChecksums: true } ? layer : await ReadTailAsync(new WholeBlobSource(directory, store, blob.Digest, blob.Size), blob, cancellation);
        }
        catch (InvalidFormatException exception)
        {
            throw new SluiceException(SluiceError.Image, store.Name, $"layer {blob.Digest}: {exception.Message}", "push the image again", exception);
        }
        finally
        {
            turns.Release();
        }
    }

    private static async Task<BlockLayer> ReadTailAsync(IBlobSource source, Descriptor blob, CancellationToken cancellation)
    {
        for (int attempt = 1; ; attempt++)
        {
            try
            {
                return await ReadTailOnceAsync(source, blob, cancellation);
            }
            catch (InvalidFormatException) when (attempt < Attempts)
            {
                // Bytes may get damaged on the way.
            }
        }
    }

    private static async Task<BlockLayer> ReadTailOnceAsync(IBlobSource source, Descriptor blob, CancellationToken cancellation)
    {
        byte[] tail = [];
        long start = blob.Size;
        long from = Math.Max(0, blob.Size - BlockLayerTail.FirstRead);
        while (from < start)
        {
            if (blob.Size - from > Array.MaxLength) throw new InvalidFormatException("block layer", $"its tables take {blob.Size - from} bytes");
            byte[] longer = GC.AllocateUninitializedArray<byte>((int)(blob.Size - from));
            int more = (int)(start - from);
            await source.ReadAsync(blob.Digest, from, longer.AsMemory(0, more), cancellation);
            tail.CopyTo(longer, more);
            (tail, start) = (longer, from);
            if (BlockLayerTail.TryRead(tail, blob.Size, out from) is { } layer) return layer;
        }

        throw new InvalidFormatException("block layer", "it is empty");
    }
}
