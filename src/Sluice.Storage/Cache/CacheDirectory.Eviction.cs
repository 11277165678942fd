using Sluice.Formats.Oci;

namespace Sluice.Storage.Cache;

/// <content>
/// Keeping within the limit. Blobs that no open image uses go first, whole, the one closed longest ago first. Then chunks of open blobs go, in the order of
/// <see cref="ChunkUse.Age"/> over all blobs: their ages are counted, that gives the age from which on they go, and the second pass takes them.
/// </content>
public sealed partial class CacheDirectory
{
    private readonly Lock _evicting = new();
    private volatile IReadOnlySet<Digest> _pinned = new HashSet<Digest>();
    private int _evictionRequested;
    private long _idleUntil;

    /// <summary>Blobs of which nothing is evicted.</summary>
    public IReadOnlySet<Digest> Pinned
    {
        get => _pinned;
        set => _pinned = value;
    }

    /// <summary>Evicts until no more than <paramref name="target"/> bytes are used, or nothing is left that may go.</summary>
    /// <returns>Bytes of the disk that were given back.</returns>
    public long Evict(long target)
    {
        lock (_evicting)
        {
            long freed = 0;
            while (_context.Space.Used - target > 0 && DropClosed() is { } dropped) freed += dropped;
            long need = _context.Space.Used - target;
            return need <= 0 ? freed : freed + EvictChunks(need);
        }
    }

    /// <summary>True while an eviction is under way or about to begin.</summary>
    internal bool IsEvicting => Volatile.Read(ref _evictionRequested) != 0;

    /// <summary>
    /// After a chunk found no room: makes it in this thread, which a small cache needs that has less above its watermarks than a chunk takes. False: nothing was wanted, or somebody evicts
    /// already, whom nobody waits for. Not to be called where a closing blob waits for the caller.
    /// </summary>
    internal bool TryMakeRoom()
    {
        if (!_context.Space.IsWanted || !TryBeginEviction()) return false;
        EvictToLow();
        return true;
    }

    private void RequestEviction()
    {
        if (TryBeginEviction()) ThreadPool.UnsafeQueueUserWorkItem(static directory => directory.EvictToLow(), this, preferLocal: false);
    }

    private bool TryBeginEviction() => _options.Time.GetTimestamp() >= Volatile.Read(ref _idleUntil) && Interlocked.Exchange(ref _evictionRequested, 1) == 0;

    private void EvictToLow()
    {
        try
        {
            // What can't be evicted now can't be in a moment: looking again and again would cost more than it brings.
            // What another thread deletes at the same time is not counted here, but there is room.
            long target = _context.Space.Low;
            if (Evict(target) == 0 && _context.Space.Used > target)
                Volatile.Write(ref _idleUntil, _options.Time.GetTimestamp() + (long)(_options.WriteRetryDelay.TotalSeconds * _options.Time.TimestampFrequency));
        }
        catch (Exception e)
        {
            _options.Log?.Invoke($"cache {_root}: can't evict: {e}");
        }
        finally
        {
            _context.Space.EndWant();
            Volatile.Write(ref _evictionRequested, 0);
        }
    }

    /// <summary>Drops the blob that was closed longest ago.</summary>
    /// <returns>Bytes that this has given back: 0 if another thread has deleted the files meanwhile. Null: no blob can go.</returns>
    private long? DropClosed()
    {
        while (true)
        {
            string? key = null;
            long bytes = 0;
            lock (_gate)
            {
                if (_disposed) return null;
                IReadOnlySet<Digest> pinned = _pinned;
                long oldest = long.MaxValue;
                foreach ((string name, (long its, long order)) in _closed)
                {
                    if (order >= oldest || _inUse.ContainsKey(name) || BlobOf(name) is not { } blob || pinned.Contains(blob)) continue;
                    (oldest, key, bytes) = (order, name, its);
                }
            }

            if (key is null) return null;
            try
            {
                if (!Detach(key)) continue;
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                _options.Log?.Invoke($"cache {_root}: can't evict: {e.Message}");
                return null;
            }

            long freed = DeleteRemoved();
            if (bytes == 0) continue;
            _context.Totals.Evicted(0, freed);
            return freed;
        }
    }

    private long EvictChunks(long need)
    {
        IReadOnlySet<Digest> pinned = _pinned;
        BlobCache[] caches = [.. OpenCaches().Where(cache => !pinned.Contains(cache.Blob))];
        long[] bytesOfAge = new long[ChunkUse.AgeLimit];
        foreach (BlobCache cache in caches) cache.ListAges((age, bytes) => bytesOfAge[age] += bytes);
        int oldest = ChunkUse.AgeLimit;
        long older = 0; // bytes of chunks that are older than that
        while (oldest > 0 && older < need) older += bytesOfAge[--oldest];
        if (older == 0) return 0;
        long budget = bytesOfAge[oldest] - Math.Max(older - need, 0);
        long freed = 0;
        foreach (BlobCache cache in caches) freed += cache.Evict(oldest, ref budget);
        return freed;
    }

    /// <summary>At the start: what earlier processes have left.</summary>
    private void CountClosed()
    {
        try
        {
            DeleteRemoved();
            DeleteUnfinished();
            List<string> keys = [.. Directory.GetDirectories(_root).Where(path => !IsRemoved(path)).SelectMany(Directory.GetDirectories).Select(path => Path.GetRelativePath(_root, path))];
            foreach (string key in keys.Where(key => BlobOf(key) is not null).OrderBy(key => File.GetLastWriteTimeUtc(Path.Combine(_root, key, "map")))) Closed(key, 0);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            _options.Log?.Invoke($"cache {_root}: can't count what is there: {e.Message}");
        }
    }
}
