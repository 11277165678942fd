namespace Sluice.Storage.Cache;

/// <summary>How a <see cref="CacheDirectory"/> behaves.</summary>
public sealed record CacheOptions
{
    /// <summary>
    /// How often new chunks are made durable: the data files are synced, then the chunk maps written. The free space of the disk is looked at as often.
    /// </summary>
    public TimeSpan FlushInterval { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>After a failed write (full or broken disk), how long the cache serves without storing before it tries again.</summary>
    public TimeSpan WriteRetryDelay { get; init; } = TimeSpan.FromSeconds(2);

    /// <summary>
    /// Believe chunk maps that were closed cleanly instead of checking every chunk at its first read after the start.
    /// Faster first reads, but bits that rotted while the daemon was down reach the container.
    /// </summary>
    public bool TrustCleanShutdown { get; init; }

    /// <summary>Most that the cache takes of the disk; none: as much as there is. See <see cref="CacheSpace"/>.</summary>
    public DiskShare Quota { get; init; }

    /// <summary>Leave this much of the disk free, whatever the quota says; none: the cache may fill the disk, and does without it when that is full.</summary>
    public DiskShare MinFree { get; init; }

    /// <summary>Percent of the limit above which chunks are evicted, in the background.</summary>
    public int HighWatermark { get; init; } = 99;

    /// <summary>Percent of the limit down to which they are.</summary>
    public int LowWatermark { get; init; } = 97;

    public TimeProvider Time { get; init; } = TimeProvider.System;

    /// <summary>Receives one line per event that an operator should know: dropped files, failed writes.</summary>
    public Action<string>? Log { get; init; }
}
