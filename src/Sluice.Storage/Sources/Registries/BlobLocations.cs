using System.Collections.Concurrent;
using Sluice.Formats.Oci;

namespace Sluice.Storage.Sources.Registries;

/// <summary>Where a registry redirected the reader of a blob to. Kept until it fails or is old, so that a read is one request.</summary>
internal sealed class BlobLocations(TimeProvider time)
{
    /// <summary>Signed addresses live longer in practice; one that does not costs one refused request.</summary>
    private static readonly TimeSpan Life = TimeSpan.FromMinutes(10);
    private const int Limit = 4096;

    private readonly ConcurrentDictionary<(RegistryHost Host, Digest Blob), (Uri Address, DateTimeOffset Until)> _known = new();

    public Uri? Get(RegistryHost host, Digest blob) => _known.TryGetValue((host, blob), out var known) && time.GetUtcNow() < known.Until ? known.Address : null;

    public void Set(RegistryHost host, Digest blob, Uri address)
    {
        if (_known.Count >= Limit) _known.Clear();
        _known[(host, blob)] = (address, time.GetUtcNow() + Life);
    }

    /// <summary>Forgets an address that failed, unless a newer one is there already.</summary>
    public void Drop(RegistryHost host, Digest blob, Uri address)
    {
        if (_known.TryGetValue((host, blob), out var known) && known.Address == address) _known.TryRemove(new((host, blob), known));
    }
}
