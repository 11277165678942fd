using Sluice.Formats;
using Sluice.Formats.Oci;
using Sluice.Formats.OverlayBd.Index;
using Sluice.Storage.Sources;

namespace Sluice.Storage.Images;

/// <summary>An OverlayBD image whose indexes are here and whose data is not.</summary>
public sealed class RemoteBlockImage : IDisposable
{
    private const int Concurrency = 8;

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

    /// <summary>Fetches the indexes of all layers of <paramref name="image"/>.</summary>
    /// <exception cref="SluiceException">Not an OverlayBD image, corrupt, or not to be had.</exception>
    public static Task<RemoteBlockImage> LoadAsync(StoredImage image, CancellationToken cancellation)
    {
        IReadOnlyList<Descriptor> layers = BlockStackLoader.FindLayers(image.Manifest)
            ?? throw new SluiceException(SluiceError.Image, image.Store.Name, $"{image.Stored.Digest} is not an OverlayBD image", "make one with: sluice convert --format overlaybd SRC DST");
        return LoadAsync(image.Store, layers, cancellation);
    }

    /// <inheritdoc cref="LoadAsync(StoredImage, CancellationToken)"/>
    /// <param name="descriptors">Layers of blocks, lowest first.</param>
    public static async Task<RemoteBlockImage> LoadAsync(IBlobSource source, IReadOnlyList<Descriptor> descriptors, CancellationToken cancellation)
    {
        var layers = new RemoteBlockLayer?[descriptors.Count];
        try
        {
            var options = new ParallelOptions { MaxDegreeOfParallelism = Concurrency, CancellationToken = cancellation };
            await Parallel.ForAsync(0, layers.Length, options, async (i, stop) => layers[i] = await RemoteBlockLayer.OpenAsync(source, descriptors[i], stop));
            return new RemoteBlockImage(source, layers!);
        }
        catch
        {
            foreach (RemoteBlockLayer? layer in layers) layer?.Dispose();
            throw;
        }
    }

    public void Dispose()
    {
        Index.Dispose();
        foreach (RemoteBlockLayer layer in Layers) layer.Dispose();
    }
}
