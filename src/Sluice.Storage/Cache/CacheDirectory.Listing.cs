using Sluice.Formats.Oci;

namespace Sluice.Storage.Cache;

/// <content>What is there, and whether it is right.</content>
public sealed partial class CacheDirectory
{
    /// <summary>All blobs, those that use most of the disk first.</summary>
    public IReadOnlyList<CachedBlob> List()
    {
        List<CachedBlob> blobs = [];
        IReadOnlySet<Digest> pinned = _pinned;
        lock (_gate)
        {
            foreach ((string key, (BlobCache cache, _)) in _open)
            {
                long bytes = cache.Charged + _besides.GetValueOrDefault(key);
                blobs.Add(new CachedBlob(cache.Blob, bytes, cache.PresentChunks, cache.Identities.All.Length, IsOpen: true, pinned.Contains(cache.Blob), cache.IsHeld));
            }

            foreach ((string key, (long bytes, _)) in _closed)
                if (BlobOf(key) is { } blob) blobs.Add(new CachedBlob(blob, bytes, 0, 0, IsOpen: false, pinned.Contains(blob), IsHeld: false));
        }

        return [.. blobs.OrderByDescending(blob => blob.Bytes)];
    }

    /// <summary>Reads every chunk of the open blobs from the disk, drops those that are wrong.</summary>
    public CacheVerification Verify(CancellationToken cancellation)
    {
        CacheVerification result = default;
        foreach (BlobCache cache in OpenCaches()) result = cache.Verify(result, cancellation);
        lock (_gate) return result with { Unopened = _closed.Count };
    }
}
