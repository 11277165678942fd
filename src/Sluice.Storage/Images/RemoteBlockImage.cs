using Sluice.Formats;
using Sluice.Formats.Oci;
using Sluice.Formats.OverlayBd.Artifacts;
using Sluice.Formats.OverlayBd.Index;
using Sluice.Formats.OverlayBd.Lsmt;
using Sluice.Storage.Sources;

namespace Sluice.Storage.Images;

/// <summary>An OverlayBD image whose indexes are here and whose data is not.</summary>
public sealed class RemoteBlockImage : IDisposable
{
    /// <summary>Ends of layers that are fetched at a time, for the memory: 256 KiB each as a rule.</summary>
    private const int Concurrency = 32;

    /// <summary>Bytes that jump tables and extents of all layers may take together. A manifest may name one costly layer many times.</summary>
    private const long MaxIndexes = 1 << 30;

    private RemoteBlockImage(IBlobSource source, RemoteBlockLayer[] layers)
    {
        Source = source;
        Layers = layers;
        using var builder = new MergedIndexBuilder();
        foreach (RemoteBlockLayer layer in layers) builder.AddLayer(layer.Layer.Extents, layer.Layer.Trailer.VirtualSize);
        Index = builder.Build();
    }

    public IBlobSource Source { get; }

    /// <summary>Lowest first; layers without blocks (a trace) left out.</summary>
    public IReadOnlyList<RemoteBlockLayer> Layers { get; }

    public MergedIndex Index { get; }

    /// <summary>Bytes downloaded to get here.</summary>
    public long BytesFetched => Layers.Sum(layer => (long)layer.Tail.Length);

    /// <summary>Fetches the indexes of all layers of <paramref name="image"/>, all layers at once.</summary>
    /// <exception cref="SluiceException">Not an OverlayBD image, corrupt, or not to be had.</exception>
    public static Task<RemoteBlockImage> LoadAsync(StoredImage image, CancellationToken cancellation) => LoadAsync(image.Store, LayersOf(image), cancellation);

    /// <inheritdoc cref="LoadAsync(StoredImage, CancellationToken)"/>
    /// <param name="descriptors">Layers of blocks, lowest first.</param>
    /// <param name="whole">Where a layer without checksums is read from instead: a source that checks all of it. Null: its end is believed.</param>
    /// <param name="limit">Bytes that the indexes of all layers may take together.</param>
    public static async Task<RemoteBlockImage> LoadAsync(
        IBlobSource source, IReadOnlyList<Descriptor> descriptors, CancellationToken cancellation, Func<Descriptor, IBlobSource>? whole = null, long limit = MaxIndexes)
    {
        if (descriptors.Count > MergedIndex.MaxLayers) throw new SluiceException(SluiceError.Image, source.Name, $"an image of {descriptors.Count} layers of blocks, more than {MergedIndex.MaxLayers}");
        var layers = new RemoteBlockLayer?[descriptors.Count];
        long held = 0;
        try
        {
            var options = new ParallelOptions { MaxDegreeOfParallelism = Concurrency, CancellationToken = cancellation };
            await Parallel.ForAsync(0, layers.Length, options, async (i, stop) =>
            {
                RemoteBlockLayer layer = layers[i] = await RemoteBlockLayer.OpenAsync(source, descriptors[i], stop);
                if (Interlocked.Add(ref held, layer.Tail.Length + ((long)layer.Layer.Extents.Length * LsmtExtent.Bytes)) > limit)
                    throw new SluiceException(SluiceError.Image, source.Name, $"the indexes of its layers of blocks take more than {limit} bytes", "make the image with fewer layers, or with --flatten");
                if (layer.IsChecked || whole is null) return;
                layers[i] = null;
                layer.Dispose();
                layers[i] = await RemoteBlockLayer.OpenAsync(whole(descriptors[i]), descriptors[i], stop);
            });
            return new RemoteBlockImage(source, layers!);
        }
        catch
        {
            foreach (RemoteBlockLayer? layer in layers) layer?.Dispose();
            throw;
        }
    }

    /// <summary>
    /// The layers of the device, the lowest first; null if this is no native OverlayBD image. Only the topmost may be a trace instead: no digest
    /// of a configuration covers annotations, and a layer below must not vanish by one.
    /// </summary>
    public static IReadOnlyList<Descriptor>? FindLayers(ImageManifest manifest)
    {
        if (!OverlayBdAnnotations.AreOn(manifest)) return null;
        bool isTraced = manifest.Layers[^1].Annotations!.ContainsKey(OverlayBdAnnotations.AccelerationLayer);
        return [.. manifest.Layers.SkipLast(isTraced ? 1 : 0)];
    }

    /// <inheritdoc cref="FindLayers"/>
    /// <exception cref="SluiceException">It is none.</exception>
    public static IReadOnlyList<Descriptor> LayersOf(StoredImage image) => FindLayers(image.Manifest) is { Count: > 0 } layers
        ? layers
        : throw new SluiceException(SluiceError.Image, image.Store.Name, $"{image.Stored.Digest} is not an OverlayBD image", "make one with: sluice convert --format overlaybd SRC DST");

    public void Dispose()
    {
        Index.Dispose();
        foreach (RemoteBlockLayer layer in Layers) layer.Dispose();
    }
}
