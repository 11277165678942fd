namespace Sluice.Storage.Cache;

/// <summary>How a <see cref="CacheDirectory"/> behaves.</summary>
public sealed record CacheOptions
{
    /// <summary>How often new chunks are made durable: the data files are synced, then the chunk maps written.</summary>
    public TimeSpan FlushInterval { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>After a failed write (full or broken disk), how long the cache serves without storing before it tries again.</summary>
    public TimeSpan WriteRetryDelay { get; init; } = TimeSpan.FromSeconds(2);

    /// <summary>
    /// Believe chunk maps that were closed cleanly instead of checking every chunk at its first read after the start.
    /// Faster first reads, but bits that rotted while the daemon was down reach the container.
    /// </summary>
    public bool TrustCleanShutdown { get; init; }

    public TimeProvider Time { get; init; } = TimeProvider.System;

    /// <summary>Receives one line per event that an operator should know: dropped files, failed writes.</summary>
    public Action<string>? Log { get; init; }
}
