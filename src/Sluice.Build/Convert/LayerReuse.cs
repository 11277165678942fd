using System.Security.Cryptography;
using System.Text;
using Sluice.Formats.Oci;
using Sluice.Storage.Images;
using Sluice.Storage.Sources;

namespace Sluice.Build.Convert;

/// <summary>
/// Finds layers that an earlier conversion left at the destination. A blob depends on its layer, on all layers below (what they
/// have is not stored again) and on the options; the digest over these is the key that the manifest keeps with each blob.
/// </summary>
/// <param name="marker">The annotation that the format's blobs carry.</param>
internal sealed class LayerReuse(ConvertOptions options, StoredImage? previous, IImageStore destination, string marker)
{
    /// <summary>On a blob's descriptor: what it was made from and how, as one digest.</summary>
    public const string KeyAnnotation = "io.sluice.conversion";

    private string _key = options.Fingerprint;
    private bool _broken = previous is null;

    /// <summary>The key of the next layer upwards.</summary>
    /// <param name="diffId">What the configuration says of its content: part of the key, so that a layer that is taken over has been checked against it.</param>
    public string NextKey(Digest layer, Digest diffId) =>
        _key = System.Convert.ToHexStringLower(SHA256.HashData(Encoding.ASCII.GetBytes($"{_key} {layer} {diffId}")));

    /// <summary>What <paramref name="take"/> makes of the blob that the destination has under <paramref name="key"/>; null if the layer has to be made, as have all above.</summary>
    public async Task<T?> TryTakeAsync<T>(string key, Func<Descriptor, Task<T>> take, CancellationToken cancellation)
        where T : class
    {
        if (_broken) return null;
        Descriptor? found = previous!.Manifest.Layers.FirstOrDefault(layer =>
            layer.Annotations is { } notes && notes.ContainsKey(marker) && notes.TryGetValue(KeyAnnotation, out string? has) && has == key);
        try
        {
            if (found is not null && await destination.HasBlobAsync(found.Digest, cancellation)) return await take(found);
        }
        catch (Formats.SluiceException)
        {
            // A damaged blob is made again; that also mends it.
        }

        _broken = true;
        return null;
    }
}
