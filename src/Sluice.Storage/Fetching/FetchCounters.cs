using System.Collections.Concurrent;
using Sluice.Storage.Activity;

namespace Sluice.Storage.Fetching;

/// <summary>What the read path has done since the process started. Each value only grows.</summary>
public sealed class FetchCounters
{
    private long _hits, _misses, _bytesRead, _fetches, _bytesFetched, _bytesDecoded, _merged, _joined, _wrongBytes, _sourceFailures, _retries, _failures, _checks,
        _corruptions, _unstored, _deadlines, _waiting;
    private readonly ConcurrentDictionary<string, SourceTotals> _sources = new(StringComparer.Ordinal);

    /// <summary>Reads served from verified chunks without waiting.</summary>
    public long Hits => Volatile.Read(ref _hits);

    /// <summary>Reads that had to wait for a fetch or a check.</summary>
    public long Misses => Volatile.Read(ref _misses);

    /// <summary>Blob space bytes handed to readers.</summary>
    public long BytesRead => Volatile.Read(ref _bytesRead);

    /// <summary>Requests to sources.</summary>
    public long Fetches => Volatile.Read(ref _fetches);

    /// <summary>Compressed bytes that sources delivered.</summary>
    public long BytesFetched => Volatile.Read(ref _bytesFetched);

    /// <summary>Blob space bytes that were decoded and verified.</summary>
    public long BytesDecoded => Volatile.Read(ref _bytesDecoded);

    /// <summary>Misses that went along with a fetch that was still queued.</summary>
    public long Merged => Volatile.Read(ref _merged);

    /// <summary>Misses that waited for bytes which were already on their way.</summary>
    public long Joined => Volatile.Read(ref _joined);

    /// <summary>Units that a source delivered and that did not decode or had another digest.</summary>
    public long WrongBytes => Volatile.Read(ref _wrongBytes);

    /// <summary>Requests that a source failed or did not answer in time.</summary>
    public long SourceFailures => Volatile.Read(ref _sourceFailures);

    /// <summary>Fetches that were tried again, on another source where there is one.</summary>
    public long Retries => Volatile.Read(ref _retries);

    /// <summary>Reads that ended in an error.</summary>
    public long Failures => Volatile.Read(ref _failures);

    /// <summary>Stored chunks that were checked at their first read.</summary>
    public long Checks => Volatile.Read(ref _checks);

    /// <summary>Stored chunks that failed that check and were fetched again.</summary>
    public long Corruptions => Volatile.Read(ref _corruptions);

    /// <summary>Chunks that were served but could not be stored.</summary>
    public long Unstored => Volatile.Read(ref _unstored);

    /// <summary>Reads whose time was over before a source had delivered.</summary>
    public long Deadlines => Volatile.Read(ref _deadlines);

    /// <summary>Reads that wait now.</summary>
    internal long WaitingReads => Volatile.Read(ref _waiting);

    /// <summary>How long misses waited, whatever became of them.</summary>
    public LatencyHistogram Waits { get; } = new();

    /// <summary>By the name of the source.</summary>
    public IReadOnlyDictionary<string, SourceTotals> Sources => _sources;

    /// <summary>Counts of one source.</summary>
    public SourceTotals Source(string name) => _sources.GetOrAdd(name, static _ => new SourceTotals());

    internal void DeadlinePassed() => Interlocked.Increment(ref _deadlines);

    internal void Hit(int bytes)
    {
        Interlocked.Increment(ref _hits);
        Interlocked.Add(ref _bytesRead, bytes);
    }

    internal void Miss()
    {
        Interlocked.Increment(ref _misses);
        Interlocked.Increment(ref _waiting);
    }

    internal void Waited() => Interlocked.Decrement(ref _waiting);

    internal void Served(int bytes) => Interlocked.Add(ref _bytesRead, bytes);

    internal void Fetched(long bytes) => Interlocked.Add(ref _bytesFetched, bytes);

    internal void FetchStarted() => Interlocked.Increment(ref _fetches);

    internal void Decoded(long bytes) => Interlocked.Add(ref _bytesDecoded, bytes);

    internal void Merge() => Interlocked.Increment(ref _merged);

    internal void Join() => Interlocked.Increment(ref _joined);

    internal void WrongUnit() => Interlocked.Increment(ref _wrongBytes);

    internal void SourceFailed(string source, SourceFailure kind)
    {
        Interlocked.Increment(ref _sourceFailures);
        Source(source).Failed(kind);
    }

    internal void Retry() => Interlocked.Increment(ref _retries);

    internal void Failed() => Interlocked.Increment(ref _failures);

    internal void Checked(bool good)
    {
        Interlocked.Increment(ref _checks);
        if (!good) Interlocked.Increment(ref _corruptions);
    }

    internal void NotStored() => Interlocked.Increment(ref _unstored);
}
