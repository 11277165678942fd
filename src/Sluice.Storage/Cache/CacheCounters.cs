namespace Sluice.Storage.Cache;

/// <summary>Figures of a <see cref="CacheDirectory"/> at one moment. Hits and misses are counted where reads are: <see cref="Fetching.FetchCounters"/>.</summary>
public readonly record struct CacheCounters
{
    /// <summary>Bytes of the disk that the cache uses now: blocks of chunks, chunk maps, whole blobs. Blocks that blobs share count in each.</summary>
    public long UsedBytes { get; init; }

    /// <summary>Most it may use now: the quota, or what the minimum of free space leaves; 0: no limit.</summary>
    public long LimitBytes { get; init; }

    /// <summary>Bytes of complete blobs that the kernel reads by itself, now; they can't be evicted.</summary>
    public long HeldBytes { get; init; }

    /// <summary>Bytes of chunks that were stored since the start.</summary>
    public long StoredBytes { get; init; }

    /// <summary>Chunks that were served but not stored since the start because the cache was at its limit.</summary>
    public long RefusedChunks { get; init; }

    /// <summary>Writes that the disk failed since the start; after one, nothing is stored for a moment.</summary>
    public long WriteFailures { get; init; }

    /// <summary>Chunks of an earlier process that were checked since the start.</summary>
    public long CheckedChunks { get; init; }

    /// <summary>Those of them that were wrong: dropped, and fetched again by whoever needs them.</summary>
    public long WrongChunks { get; init; }

    /// <summary>Chunks evicted since the start.</summary>
    public long EvictedChunks { get; init; }

    /// <summary>Bytes of the disk that eviction gave back since the start.</summary>
    public long EvictedBytes { get; init; }

    /// <summary>Bytes of chunks that were not downloaded since the start because another blob had them, and that share its blocks on the disk.</summary>
    public long SharedBytes { get; init; }

    /// <summary>Likewise, where the file system can't share: they were copied on the disk.</summary>
    public long CopiedBytes { get; init; }
}
