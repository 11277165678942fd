using Sluice.Formats;
using Sluice.Formats.Oci;
using Sluice.Formats.OverlayBd.Artifacts;
using Sluice.Storage.Sources;

namespace Sluice.Storage.Images;

/// <summary>Brings the trace of a block image here.</summary>
public static class AccelerationLayers
{
    /// <summary>A larger layer is none: it is fetched along with the metadata, and somebody waits for that.</summary>
    private const long MaxSize = 4 << 20;

    /// <summary>What is in the image's acceleration layer; empty: it has none, or a damaged one, or it can't be had. Never faults but by cancellation.</summary>
    public static async Task<byte[]> FetchAsync(StoredImage image, CancellationToken cancellation)
    {
        if (image.Manifest.Layers is not [.., { Size: <= MaxSize } layer] || layer.Annotations?.ContainsKey(OverlayBdAnnotations.AccelerationLayer) != true) return [];
        try
        {
            return await WholeBlob.FetchAsync(image.Store, layer, async stream =>
            {
                using MemoryStream whole = new();
                await stream.CopyToAsync(whole, cancellation); // the end is what checks the digest
                whole.Position = 0;
                return AccelerationLayer.Read(whole);
            }, cancellation);
        }
        catch (Exception exception) when (exception is not OperationCanceledException)
        {
            return [];
        }
    }
}
