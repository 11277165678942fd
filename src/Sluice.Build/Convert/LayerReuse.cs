using System.Security.Cryptography;
using System.Text;
using Sluice.Formats;
using Sluice.Formats.Oci;
using Sluice.Formats.Rafs.Artifacts;
using Sluice.Storage.Images;
using Sluice.Storage.Sources;

namespace Sluice.Build.Convert;

/// <summary>
/// Finds layers that an earlier conversion left at the destination. A blob depends on its layer, on all layers below (their chunks
/// are not stored again) and on the options; the digest over these is the key that the manifest keeps with each blob.
/// </summary>
internal sealed class LayerReuse(ConvertOptions options, StoredImage? previous, IImageStore destination)
{
    /// <summary>On a blob's descriptor: what it was made from and how, as one digest.</summary>
    public const string KeyAnnotation = "io.sluice.conversion";

    private string _key = options.Fingerprint;
    private bool _broken = previous is null;

    /// <summary>The key of the next layer upwards.</summary>
    public string NextKey(Digest layer) =>
        _key = System.Convert.ToHexStringLower(SHA256.HashData(Encoding.ASCII.GetBytes($"{_key} {layer}")));

    /// <summary>The finished layer <paramref name="index"/> if the destination has it under <paramref name="key"/>; null if it has to be made.</summary>
    public async Task<PackedLayer?> TryTakeAsync(int index, string key, ImageBlobs blobs, CancellationToken cancellation)
    {
        if (_broken) return null;
        Descriptor? found = previous!.Manifest.Layers.FirstOrDefault(layer =>
            layer.Annotations is { } notes && notes.ContainsKey(NydusAnnotations.Blob) && notes.TryGetValue(KeyAnnotation, out string? has) && has == key);
        try
        {
            if (found is not null && await destination.HasBlobAsync(found.Digest, cancellation))
            {
                return await PackedLayerReader.ReadAsync(destination, found, index, blobs, cancellation);
            }
        }
        catch (SluiceException)
        {
            // A damaged blob is made again; that also mends it.
        }

        _broken = true;
        return null;
    }
}
