using Sluice.Formats;
using Sluice.Formats.Oci;

namespace Sluice.Storage.Cache;

/// <content>
/// What is charged, and for what: an open blob charges for its own files (<see cref="BlobCache.Charged"/>), the directory for files beside these, and for closed blobs as a whole. Where a charge
/// passes from one to the other it is changed once, by the difference; what may be charged twice for a moment is, but nothing is charged in neither.
/// </content>
public sealed partial class CacheDirectory
{
    private const string UnfinishedPrefix = "unfinished-";
    private static readonly string[] FilesOfBlobs = ["data", "map", "held"];

    private readonly Dictionary<string, (long Bytes, long Order)> _closed = new(StringComparer.Ordinal); // guarded by _gate
    private readonly Dictionary<string, long> _besides = new(StringComparer.Ordinal); // what open blobs have beside their chunks; guarded by _gate
    private readonly Dictionary<string, long> _removed = new(StringComparer.Ordinal); // what directories have that are being deleted; guarded by _gate
    private readonly Dictionary<string, (SemaphoreSlim Replacing, int Users)> _inUse = new(StringComparer.Ordinal); // guarded by _gate
    private long _nextOrder;

    /// <summary>
    /// From now on, until <see cref="EndUse"/>, files beside the blob's data may be open: they are not deleted, as what is deleted and open takes the disk and is counted nowhere.
    /// </summary>
    /// <returns>Whoever replaces the files enters it; one for all who use the blob.</returns>
    internal SemaphoreSlim BeginUse(Digest blob)
    {
        string key = Path.Combine(blob.Algorithm, blob.Hex);
        lock (_gate)
        {
            (SemaphoreSlim replacing, int users) = _inUse.TryGetValue(key, out (SemaphoreSlim, int) use) ? use : (new SemaphoreSlim(1), 0);
            _inUse[key] = (replacing, users + 1);
            return replacing;
        }
    }

    internal void EndUse(Digest blob)
    {
        string key = Path.Combine(blob.Algorithm, blob.Hex);
        lock (_gate)
        {
            (SemaphoreSlim replacing, int users) = _inUse[key];
            if (users == 1) _inUse.Remove(key);
            else _inUse[key] = (replacing, users - 1);
        }
    }

    /// <summary>Where a file may be written that is to become <c>blob</c>; what a killed process leaves there is deleted.</summary>
    internal string GetUnfinishedPath(Digest blob) => Path.Combine(GetBlobDirectory(blob), UnfinishedPrefix + Guid.NewGuid().ToString("n"));

    /// <summary>Takes room for a file that is going to be put beside a blob's data; evicts if that makes the room. False: there is none.</summary>
    /// <param name="reserved">What was taken, for <see cref="EndReservation"/>.</param>
    internal bool TryReserve(long length, out long reserved)
    {
        const int tries = 3;
        const long extents = 64 << 20; // bytes of a file for which a block of extents is reckoned
        reserved = 0;
        if (length > Math.Min(_context.Space.Limit, MaxBlobSpace)) return false; // a manifest may name any size
        reserved = ((length + SparseFile.BlockSize - 1) & -SparseFile.BlockSize) + ((2 + (length / extents)) * SparseFile.BlockSize);
        for (int round = 0; round < tries; round++)
        {
            if (_context.Space.TryTake(reserved)) return true;
            if (_context.Space.Used - Evictable() + reserved > _context.Space.Limit) return false;
            Evict(Math.Max(_context.Space.Limit - reserved, 0));
        }

        return false;
    }

    /// <summary>Why a file beside a blob's data can't be kept, and what to do.</summary>
    /// <param name="reason">What the disk said; null: there is no room within the limit.</param>
    internal SluiceException RefusalOf(Digest blob, long length, Exception? reason) => reason is null
        ? new SluiceException(SluiceError.Disk, $"cache {_root}", $"blob {blob} of {length} bytes does not fit the cache's limit of {_context.Space.Limit} bytes", "raise cache.quota, or free space on its disk")
        : new SluiceException(SluiceError.Disk, $"cache {_root}", $"can't keep blob {blob} of {length} bytes: {reason.Message}", "free space on its disk, or see why it fails", reason);

    internal void Tell(string line) => _options.Log?.Invoke(line);

    /// <summary>Charges for what is there now, in place of what was reserved.</summary>
    internal void EndReservation(Digest blob, long reserved)
    {
        string key = Path.Combine(blob.Algorithm, blob.Hex);
        lock (_gate)
        {
            if (_open.ContainsKey(key)) CountBesides(key, reserved);
            else if (!_disposed) Closed(key, reserved);
        }
    }

    /// <summary>Keeps a small file beside a blob's data, if the disk and the limit allow; it is only a copy.</summary>
    internal void Keep(Digest blob, string name, ReadOnlySpan<byte> content)
    {
        if (!TryReserve(content.Length, out long reserved)) return;
        try
        {
            Directory.CreateDirectory(GetBlobDirectory(blob));
            File.WriteAllBytes(Path.Combine(GetBlobDirectory(blob), name), content);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // It is fetched again.
        }
        finally
        {
            EndReservation(blob, reserved);
        }
    }

    /// <summary>What is beside an open blob's own files. Under the lock.</summary>
    private void CountBesides(string key, long reserved = 0)
    {
        long besides = BytesOf(key, ofBlob: false);
        _context.Space.Charge(besides - _besides.GetValueOrDefault(key) - reserved);
        _besides[key] = besides;
    }

    /// <summary>A blob's files are counted as a whole. Under the lock.</summary>
    /// <param name="charged">What was charged for them.</param>
    private void Closed(string key, long charged)
    {
        _besides.Remove(key, out long besides);
        _closed.Remove(key, out (long Bytes, long) before);
        long bytes = BytesOf(key, ofBlob: true);
        _context.Space.Charge(bytes - charged - besides - before.Bytes);
        _closed[key] = (bytes, _nextOrder++);
    }

    private void CloseFiles(BlobCache cache)
    {
        cache.Close();
        Closed(cache.Key, cache.Charged);
    }

    /// <summary>Bytes that an eviction could give back.</summary>
    private long Evictable()
    {
        long sum = 0;
        IReadOnlySet<Digest> pinned = _pinned;
        lock (_gate)
        {
            foreach ((string key, (long bytes, _)) in _closed)
                if (BlobOf(key) is { } blob && !pinned.Contains(blob) && !_inUse.ContainsKey(key)) sum += bytes;
        }

        foreach (BlobCache cache in OpenCaches().Where(cache => !pinned.Contains(cache.Blob))) cache.ListAges((_, bytes) => sum += bytes);
        return sum;
    }

    /// <summary>Downloads that a killed process has begun; those of earlier versions are called <c>blob.</c> and something.</summary>
    private void DeleteUnfinished()
    {
        foreach (string algorithm in Directory.GetDirectories(_root))
            foreach (string directory in Directory.GetDirectories(algorithm))
                foreach (string file in Directory.GetFiles(directory).Where(IsUnfinished)) File.Delete(file);

        static bool IsUnfinished(string path) =>
            Path.GetFileName(path) is var name && (name.StartsWith(UnfinishedPrefix, StringComparison.Ordinal) || name.StartsWith("blob.", StringComparison.Ordinal));
    }

    /// <param name="ofBlob">With the blob's own files, and the directory.</param>
    private long BytesOf(string key, bool ofBlob)
    {
        string directory = Path.Combine(_root, key);
        try
        {
            if (!Directory.Exists(directory)) return 0;
            return (ofBlob ? SparseFile.AllocatedBytes(directory) : 0) + Directory.EnumerateFiles(directory).Where(IsCounted).Sum(SparseFile.AllocatedBytes);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return 0;
        }

        bool IsCounted(string file)
        {
            string name = Path.GetFileName(file);
            return !name.StartsWith(UnfinishedPrefix, StringComparison.Ordinal) /* reserved */ && (ofBlob || !FilesOfBlobs.Contains(name));
        }
    }
}
