using Sluice.Storage.Activity;

namespace Sluice.Storage.Fetching;

/// <summary>How a <see cref="Fetcher"/> behaves. Sizes are bytes.</summary>
public sealed record FetchOptions
{
    /// <summary>From a read's arrival to its end in data or an error.</summary>
    public TimeSpan RequestDeadline { get; init; } = TimeSpan.FromSeconds(60);

    /// <summary>How long one source may take before the next one is asked; the last source may use what the deadline leaves.</summary>
    public TimeSpan AttemptTimeout { get; init; } = TimeSpan.FromSeconds(20);

    /// <summary>
    /// Least delay before sources that are away for the moment are asked once more, when there is no other; goes on until the deadline, so
    /// that a registry that restarts costs a pause and not an error.
    /// </summary>
    public TimeSpan RetryDelay { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>How long a source that lacks or refused a blob is asked for it only when there is no other.</summary>
    public TimeSpan SourcePenalty { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>
    /// Second requests, to another source where there is one, for each demand request: for those that take longer than nearly all lately
    /// did. 0: none. Measured: docs/performance.md.
    /// </summary>
    public double HedgeShare { get; init; } = 0.05;

    /// <summary>No second request before the first is this old.</summary>
    public TimeSpan HedgeFloor { get; init; } = TimeSpan.FromMilliseconds(100);

    /// <summary>When a second request is sent while a source has not answered often enough to know it.</summary>
    public TimeSpan HedgeUnknown { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>A request that has run so long takes no slot and no memory from other sources any more: what it does not use they may.</summary>
    public TimeSpan StalledAfter { get; init; } = TimeSpan.FromSeconds(2);

    /// <summary>Unwanted compressed bytes between two units that are read along rather than asking twice.</summary>
    public int MergeGap { get; init; } = 32 << 10;

    /// <summary>Most compressed bytes of one fetch; a single larger unit is still one fetch.</summary>
    public int MaxFetch { get; init; } = 2 << 20;

    /// <summary>Most decoded bytes of one fetch; bounds what well-compressed neighbours may cost.</summary>
    public int MaxDecoded { get; init; } = 8 << 20;

    /// <summary>Decoded bytes from which on a demand fetch is decoded on all cores. <c>./bench.sh cache-reads</c> compares.</summary>
    public int ParallelDecode { get; init; } = 512 << 10;

    /// <summary>A demand fetch smaller than this takes missing neighbours along. 0: none. Measured: docs/performance.md.</summary>
    public int Amplification { get; init; } = 128 << 10;

    /// <summary>Bytes that a reader must have read in a row before anything is fetched ahead of it: most files of a starting container are shorter.</summary>
    public int ReadAheadAfter { get; init; } = 4 << 20;

    /// <summary>First read-ahead of a sequential reader, in blob space; it doubles up to <see cref="MaxReadAhead"/>.</summary>
    public int FirstReadAhead { get; init; } = 256 << 10;

    /// <summary>Largest read-ahead, in blob space. 0: none.</summary>
    public int MaxReadAhead { get; init; } = 4 << 20;

    /// <summary>
    /// Most fetches at a time from one place (all repositories of a registry, say); never more than half of
    /// <see cref="TotalConcurrency"/>, rounded up. A quarter of that while the place rests.
    /// </summary>
    public int ConcurrencyPerSource { get; init; } = 8;

    /// <summary>Most fetches at a time, at least 1; each source may have two even then, so that nobody waits for the sources of others.</summary>
    public int TotalConcurrency { get; init; } = 16;

    /// <summary>Compressed and decoded bytes that fetches under way may hold. One larger fetch runs alone.</summary>
    public long MemoryInFlight { get; init; } = 64 << 20;

    public TimeProvider Time { get; init; } = TimeProvider.System;

    /// <summary>Receives one line per fetch that failed, or that succeeded only after a source had failed.</summary>
    public Action<string>? Log { get; init; }

    /// <summary>Receives the same with its parts, in place of <see cref="Log"/>.</summary>
    public Action<FetchEvent>? Events { get; init; }

    internal void Report(FetchEventKind kind, BlobReader reader, FetchCause? cause, string message)
    {
        if (Events is not null) Events(new FetchEvent(kind, reader.Activity.Name, cause, message));
        else Log?.Invoke(message);
    }
}
