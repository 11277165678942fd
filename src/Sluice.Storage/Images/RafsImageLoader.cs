using Sluice.Formats;
using Sluice.Formats.Oci;
using Sluice.Formats.Rafs;
using Sluice.Formats.Rafs.Artifacts;
using Sluice.Storage.Sources;

namespace Sluice.Storage.Images;

/// <summary>Brings the metadata of a RAFS image here: manifest, bootstrap, chunk tables. No data.</summary>
public static class RafsImageLoader
{
    /// <summary>The layer that holds the bootstrap, by its annotation, or by its place after the data blobs; null for an ordinary image.</summary>
    public static Descriptor? FindBootstrap(ImageManifest manifest)
    {
        Descriptor? marked = manifest.Layers.LastOrDefault(layer => layer.Annotations?.ContainsKey(NydusAnnotations.Bootstrap) == true);
        if (marked is not null) return marked;
        bool hasBlobs = manifest.Layers.Any(layer => layer.MediaType == MediaTypes.NydusBlob);
        return hasBlobs && manifest.Layers[^1].MediaType != MediaTypes.NydusBlob ? manifest.Layers[^1] : null;
    }

    /// <summary>Downloads and parses the bootstrap of <paramref name="source"/>.</summary>
    /// <exception cref="SluiceException">Not a RAFS image, corrupt, or not to be had.</exception>
    public static async Task<RemoteRafsImage> LoadAsync(StoredImage source, CancellationToken cancellation)
    {
        Descriptor layer = source.BootstrapLayer
            ?? throw new SluiceException(SluiceError.Image, source.Store.Name, $"{source.Stored.Digest} is an ordinary image, not a RAFS image", "make one with: sluice convert SRC DST");
        (BootstrapLayer unpacked, Digest diffId) = await WholeBlob.FetchAsync(source.Store, layer, ReadAsync, cancellation);

        async Task<(BootstrapLayer, Digest)> ReadAsync(Stream stream)
        {
            (BootstrapLayer, Digest) read = Unpack(layer, stream);
            await stream.CopyToAsync(Stream.Null, cancellation); // the last read is what checks the digest
            return read;
        }

        return new RemoteRafsImage
        {
            Source = source,
            DiffId = diffId,
            Bootstrap = unpacked.Bootstrap,
            Image = RafsReader.Read(unpacked.Bootstrap),
            BlobMetas = unpacked.BlobMetas,
            PrefetchFiles = unpacked.PrefetchFiles,
        };
    }

    private static (BootstrapLayer Layer, Digest DiffId) Unpack(Descriptor layer, Stream stream)
    {
        try
        {
            return BootstrapLayer.Read(stream);
        }
        catch (InvalidFormatException exception) when (exception.Format == "gzip")
        {
            throw new InvalidFormatException("rafs bootstrap layer", $"{layer.Digest} can't be decompressed: {exception.Message}", inner: exception);
        }
    }
}
