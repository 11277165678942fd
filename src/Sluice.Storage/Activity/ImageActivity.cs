using System.Collections.Concurrent;
using Sluice.Storage.Disks;

namespace Sluice.Storage.Activity;

/// <summary>
/// What the read path does for one image: bytes by cause and source, hits, misses and who waits now. All members may be called concurrently.
/// A hit costs one interlocked increment; everything else happens on misses.
/// </summary>
/// <param name="name">What metrics, logs and people call the image.</param>
public sealed class ImageActivity(string name, TimeProvider? time = null)
{
    /// <summary>Misses that are remembered one by one: the latest. About 50 bytes each.</summary>
    public const int MaxRecords = 4096;

    private static readonly int Causes = FetchCauses.All.Count;

    private readonly TimeProvider _time = time ?? TimeProvider.System;
    private readonly long[] _bytes = new long[Causes];
    private readonly ConcurrentDictionary<string, Counter> _sources = new(StringComparer.Ordinal);
    private readonly Lock _gate = new();
    private readonly HashSet<Waiting> _waiting = [];
    private readonly List<MissRecord> _records = [];
    private int _oldest;
    private long _hits, _misses, _waited, _errors, _fetches, _wrongUnits, _firstRead;

    public string Name { get; } = name;

    /// <summary>When the first read arrived that the kernel could not answer by itself; null: none yet.</summary>
    public DateTimeOffset? FirstRead => Volatile.Read(ref _firstRead) is > 0 and var ticks ? new DateTimeOffset(ticks, TimeSpan.Zero) : null;

    public ActivityTotals Totals() => new(
        _time.GetUtcNow(), Volatile.Read(ref _hits), Volatile.Read(ref _misses), TimeSpan.FromTicks(Volatile.Read(ref _waited)), Volatile.Read(ref _errors), Volatile.Read(ref _fetches),
        Volatile.Read(ref _wrongUnits), [.. _bytes.Select((_, cause) => Volatile.Read(ref _bytes[cause]))],
        _sources.ToDictionary(source => source.Key, source => Volatile.Read(ref source.Value.Value), StringComparer.Ordinal));

    /// <summary>The latest misses that have ended, in no order.</summary>
    public IReadOnlyList<MissRecord> Records()
    {
        lock (_gate) return [.. _records];
    }

    /// <summary>Reads that wait now, the longest first.</summary>
    public IReadOnlyList<MissRecord> InFlight()
    {
        lock (_gate) return [.. _waiting.OrderBy(waiting => waiting.Began).Select(waiting => waiting.ToRecord(_time.GetElapsedTime(waiting.Began), failed: false))];
    }

    /// <summary>How many reads wait now, and how many of them longer than a limit.</summary>
    public (int Waiting, int Longer) CountInFlight(TimeSpan limit)
    {
        lock (_gate) return (_waiting.Count, _waiting.Count(waiting => _time.GetElapsedTime(waiting.Began) > limit));
    }

    /// <summary>Counts bytes that a source delivered.</summary>
    public void Fetched(FetchCause cause, string source, long bytes)
    {
        Interlocked.Add(ref _bytes[(int)cause], bytes);
        Interlocked.Add(ref _sources.GetOrAdd(source, static _ => new Counter()).Value, bytes);
    }

    /// <summary>Counts a request to a source.</summary>
    internal void FetchStarted() => Interlocked.Increment(ref _fetches);

    internal void WrongUnit() => Interlocked.Increment(ref _wrongUnits);

    internal void Hit()
    {
        if (_firstRead == 0) SetFirstRead();
        Interlocked.Increment(ref _hits);
    }

    /// <summary>Watches a read of a disk until it ends.</summary>
    internal ValueTask<DiskError> WatchAsync(IDisk disk, long offset, int length, ValueTask<DiskError> read)
    {
        if (read.IsCompletedSuccessfully && read.Result == DiskError.None) return read; // somebody else has brought it meanwhile
        if (_firstRead == 0) SetFirstRead();
        Interlocked.Increment(ref _misses);
        var waiting = new Waiting(disk.Name, offset, length, _time.GetUtcNow(), _time.GetTimestamp());
        lock (_gate) _waiting.Add(waiting);
        return EndAsync(waiting, read);
    }

    private async ValueTask<DiskError> EndAsync(Waiting waiting, ValueTask<DiskError> read)
    {
        DiskError error = DiskError.InputOutput;
        try
        {
            return error = await read.ConfigureAwait(false);
        }
        finally
        {
            Ended(waiting, error != DiskError.None);
        }
    }

    private void Ended(Waiting waiting, bool failed)
    {
        TimeSpan waited = _time.GetElapsedTime(waiting.Began);
        Interlocked.Add(ref _waited, waited.Ticks);
        if (failed) Interlocked.Increment(ref _errors);
        MissRecord record = waiting.ToRecord(waited, failed);
        lock (_gate)
        {
            _waiting.Remove(waiting);
            if (_records.Count < MaxRecords)
            {
                _records.Add(record);
                return;
            }

            _records[_oldest] = record;
            _oldest = (_oldest + 1) % MaxRecords;
        }
    }

    private void SetFirstRead() => Interlocked.CompareExchange(ref _firstRead, _time.GetUtcNow().UtcTicks, 0);

    private sealed class Counter
    {
        public long Value;
    }

    private sealed class Waiting(string disk, long offset, int length, DateTimeOffset at, long began)
    {
        public long Began => began;

        public MissRecord ToRecord(TimeSpan waited, bool failed) => new(disk, offset, length, at, waited, failed);
    }
}
