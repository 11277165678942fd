namespace Sluice.Storage.Cache;

/// <summary>What all blobs of a cache count together. See <see cref="CacheCounters"/>.</summary>
internal sealed class CacheTotals
{
    private long _storedBytes, _refused, _writeFailures, _checked, _wrong, _evictedChunks, _evictedBytes, _sharedBytes, _copiedBytes;

    public void Stored(int bytes) => Interlocked.Add(ref _storedBytes, bytes);

    public void Refused() => Interlocked.Increment(ref _refused);

    public void WriteFailed() => Interlocked.Increment(ref _writeFailures);

    public void Checked(bool good)
    {
        Interlocked.Increment(ref _checked);
        if (!good) Interlocked.Increment(ref _wrong);
    }

    public void Evicted(int chunks, long bytes)
    {
        Interlocked.Add(ref _evictedChunks, chunks);
        Interlocked.Add(ref _evictedBytes, bytes);
    }

    public void Adopted(int bytes, bool shared) => Interlocked.Add(ref (shared ? ref _sharedBytes : ref _copiedBytes), bytes);

    public CacheCounters Read(CacheSpace space) => new()
    {
        UsedBytes = space.Used,
        LimitBytes = space.Limit == long.MaxValue ? 0 : space.Limit,
        HeldBytes = space.Held,
        StoredBytes = Volatile.Read(ref _storedBytes),
        RefusedChunks = Volatile.Read(ref _refused),
        WriteFailures = Volatile.Read(ref _writeFailures),
        CheckedChunks = Volatile.Read(ref _checked),
        WrongChunks = Volatile.Read(ref _wrong),
        EvictedChunks = Volatile.Read(ref _evictedChunks),
        EvictedBytes = Volatile.Read(ref _evictedBytes),
        SharedBytes = Volatile.Read(ref _sharedBytes),
        CopiedBytes = Volatile.Read(ref _copiedBytes),
    };
}
