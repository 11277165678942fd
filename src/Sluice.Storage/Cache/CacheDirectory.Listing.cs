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

    /// <summary>Reads every chunk of the open blobs from the disk, drops those that are wrong. Closed ones are opened by whoever knows their chunks, before the next call.</summary>
    /// <param name="seen">What earlier calls have checked, which is left out; gets what this one has.</param>
    /// <param name="sum">What was found before.</param>
    public CacheVerification Verify(ISet<string> seen, CacheVerification sum, CancellationToken cancellation)
    {
        foreach (BlobCache cache in OpenCaches())
            if (seen.Add(cache.Key)) sum = cache.Verify(sum, cancellation);
        lock (_gate) return sum with { Unopened = _closed.Keys.Count(key => !seen.Contains(key)) };
    }
}
