using Sluice.Formats.Oci;
using Sluice.Node.Images;
using Sluice.Storage.Images;
using Sluice.Storage.Traces;

namespace Sluice.Node.Policies;

/// <summary>What is known of an image's earlier starts, here or on the node whose trace lies beside it.</summary>
/// <param name="Bytes">That a start read, uncompressed.</param>
/// <param name="Requests">With which a start fetches them ahead.</param>
/// <param name="CompressedBytes">About what travels for them.</param>
public sealed record StartFacts(long Bytes, int Requests, long CompressedBytes)
{
    /// <summary>Compressed bytes of a byte, where nothing is known of the blob: programs and their libraries shrink to a third (nodejs: 106 MB to 34.5 MB).</summary>
    private const double TypicalShare = 1 / 3.0;

    /// <param name="image">Knows how well its blobs are compressed; null: it is not here.</param>
    internal static StartFacts Of(StartTrace trace, LocalImage? image)
    {
        Dictionary<Digest, double> shares = image is null ? [] : SharesOf(image);
        double travels = trace.Reads.Sum(read => read.Length * shares.GetValueOrDefault(read.Blob, TypicalShare));
        return new StartFacts(trace.Bytes, PrefetchPlan.Of(trace).Ranges.Count, (long)travels);
    }

    /// <summary>By blob, compressed bytes of a byte of its blob space.</summary>
    private static Dictionary<Digest, double> SharesOf(LocalImage image)
    {
        IEnumerable<(Digest Blob, long Size, long Length)> blobs = image.Content switch
        {
            RafsContent rafs => rafs.Image.Blobs.Select(blob => (RemoteRafsImage.DigestOf(blob), blob.CompressedSize, blob.UncompressedSize)),
            BlockContent blocks => blocks.Stack.Layers.Select(layer => (layer.Blob, layer.Size, layer.Length)),
            _ => [],
        };
        return blobs.Where(blob => blob is { Size: > 0, Length: > 0 }).DistinctBy(blob => blob.Blob).ToDictionary(blob => blob.Blob, blob => (double)blob.Size / blob.Length);
    }
}
