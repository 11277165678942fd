using Sluice.Formats;
using Sluice.Formats.OverlayBd.Artifacts;
using Sluice.Formats.Trees;
using Sluice.Storage.Images;

namespace Sluice.Build.Look;

/// <summary>
/// What an image holds, whatever it is stored as: the tree, and file contents on demand. Of a RAFS image only the bootstrap is
/// downloaded first, of an OverlayBD image the metadata of its file system; the tree of an ordinary image costs a pass over all of
/// its layers. Not for concurrent use.
/// </summary>
public abstract class ImageContents : IDisposable
{
    private protected ImageContents(StoredImage image) => Image = image;

    public StoredImage Image { get; }

    public abstract Inode Root { get; }

    /// <summary>Bytes of layers and blobs downloaded so far, as stored.</summary>
    public abstract long BytesFetched { get; }

    /// <summary>Bytes of all layers, as stored.</summary>
    public long BytesTotal => Image.Manifest.Layers.Sum(layer => layer.Size);

    /// <summary>What of the image could not be made sense of, one line each.</summary>
    public virtual IReadOnlyList<string> Warnings => [];

    /// <param name="window">Bytes that one fetch from a blob asks for: large for reading everything, 0 for single files.</param>
    /// <exception cref="SluiceException">Corrupt image, or the source failed.</exception>
    public static async Task<ImageContents> OpenAsync(StoredImage image, int window, CancellationToken cancellation)
    {
        if (image.BootstrapLayer is not null) return new RafsContents(await RafsImageLoader.LoadAsync(image, cancellation), window);
        if (OverlayBdAnnotations.AreOn(image.Manifest)) return await BlockContents.LoadAsync(image, window, cancellation);
        if (!image.Manifest.IsContainerImage) throw new SluiceException(SluiceError.Image, image.Store.Name, $"{image.Stored.Digest} is not a container image but {image.Manifest.EffectiveArtifactType}");
        return await LayerContents.OpenAsync(image, cancellation);
    }

    /// <summary>Gives the contents of <paramref name="files"/> (regular, not empty) to <paramref name="sink"/>, in the order that is cheapest to fetch.</summary>
    /// <exception cref="SluiceException">The source failed, or content is corrupt.</exception>
    public abstract Task ReadAsync(IReadOnlyCollection<Inode> files, IFileSink sink, CancellationToken cancellation);

    public virtual void Dispose() => GC.SuppressFinalize(this);
}
