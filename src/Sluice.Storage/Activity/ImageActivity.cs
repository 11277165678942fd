using System.Collections.Concurrent;
using Sluice.Storage.Disks;
using Sluice.Storage.Traces;

namespace Sluice.Storage.Activity;

/// <summary>
/// What the read path does for one image: bytes by cause and source, hits, misses and who waits now. All members may be called concurrently.
/// A hit costs one interlocked increment; everything else happens on misses.
/// </summary>
public sealed class ImageActivity
{
    private static readonly int Causes = FetchCauses.All.Count;

    private readonly TimeProvider _time;
    private readonly long[] _bytes = new long[Causes];
    private readonly ConcurrentDictionary<string, Counter> _sources = new(StringComparer.Ordinal);
    private readonly Lock _gate = new();
    private readonly HashSet<Waiting> _waiting = [];
    private readonly long[] _steps = new long[Enum.GetValues<ImageStep>().Length]; // UTC ticks
    private StartActivity _start;
    private ActivityTotals? _beforePull; // until the mount that follows it
    private TraceRecorder? _recorder;
    private ChunkOrigins? _origins;
    private PrefetchOutcome? _ahead;
    private long _hits, _misses, _waited, _errors, _fetches, _wrongUnits, _firstRead;

    /// <param name="name">What metrics, logs and people call the image.</param>
    public ImageActivity(string name, TimeProvider? time = null)
    {
        (Name, _time) = (name, time ?? TimeProvider.System);
        _start = new StartActivity(Totals(), _time);
    }

    public string Name { get; }

    /// <summary>When the first read since the mount arrived that the kernel could not answer by itself; null: none yet.</summary>
    public DateTimeOffset? FirstRead => Volatile.Read(ref _firstRead) is > 0 and var ticks ? new DateTimeOffset(ticks, TimeSpan.Zero) : null;

    /// <summary>Notes what is read; null: nobody wants to know. May be set at any time.</summary>
    public TraceRecorder? Recorder
    {
        get => Volatile.Read(ref _recorder);
        set => Volatile.Write(ref _recorder, value);
    }

    /// <summary>What brings which chunks, from a pull, or a mount, to the end of the start; null: nobody wants to know.</summary>
    public ChunkOrigins? Origins
    {
        get => Volatile.Read(ref _origins);
        set => Volatile.Write(ref _origins, value);
    }

    /// <summary>What was fetched ahead of the first start of the mount; null: nothing, or that is not over.</summary>
    public PrefetchOutcome? Ahead
    {
        get => Volatile.Read(ref _ahead);
        set => Volatile.Write(ref _ahead, value);
    }

    /// <summary>The image is not mounted for a start: what brought its chunks, nobody will ask, unless a start goes on.</summary>
    public void NoStartFollows()
    {
        if (Recorder is null) Origins = null;
    }

    public ActivityTotals Totals() => new(
        _time.GetUtcNow(), Volatile.Read(ref _hits), Volatile.Read(ref _misses), TimeSpan.FromTicks(Volatile.Read(ref _waited)), Volatile.Read(ref _errors), Volatile.Read(ref _fetches),
        Volatile.Read(ref _wrongUnits), [.. _bytes.Select((_, cause) => Volatile.Read(ref _bytes[cause]))],
        _sources.ToDictionary(source => source.Key, source => Volatile.Read(ref source.Value.Value), StringComparer.Ordinal));

    /// <summary>Notes a step, now. A mount begins a start: what was seen of the one before is forgotten, and what has come since the pull, if this is the first one after it, counts for this one.</summary>
    public void Mark(ImageStep step)
    {
        Volatile.Write(ref _steps[(int)step], _time.GetUtcNow().UtcTicks);
        if (step == ImageStep.Asked) Volatile.Write(ref _beforePull, Totals());
        if (step != ImageStep.MountBegan) return;
        ActivityTotals now = Totals();
        Volatile.Write(ref _start, new StartActivity(Interlocked.Exchange(ref _beforePull, null) is { } before ? before with { At = now.At } : now, _time));
        Volatile.Write(ref _firstRead, 0);
        Ahead = null;
    }

    /// <summary>When a step was last taken; null: not in this process.</summary>
    public DateTimeOffset? At(ImageStep step) => Volatile.Read(ref _steps[(int)step]) is > 0 and var ticks ? new DateTimeOffset(ticks, TimeSpan.Zero) : null;

    /// <summary>What was seen of the start since the last mount began.</summary>
    public StartRecord ReadStart() => Volatile.Read(ref _start).Read(Totals());

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

    /// <param name="asked">Timestamp.</param>
    internal void Answered(long asked, TimeSpan took, int bytes) => Volatile.Read(ref _start).Answered(asked, took, bytes, Totals);

    /// <summary>A request that failed or was not answered in time.</summary>
    internal void FetchFailed(string reason) => Volatile.Read(ref _start).Failed(reason);

    internal void Decoded(TimeSpan took) => Volatile.Read(ref _start).Decoded(took);

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
        lock (_gate) _waiting.Remove(waiting);
        Volatile.Read(ref _start).Ended(waiting.Disk, waiting.Offset, waiting.Length, waiting.Began, waited, failed, Totals);
    }

    private void SetFirstRead() => Interlocked.CompareExchange(ref _firstRead, _time.GetUtcNow().UtcTicks, 0);

    private sealed class Counter
    {
        public long Value;
    }

    private sealed class Waiting(string disk, long offset, int length, DateTimeOffset at, long began)
    {
        public string Disk => disk;

        public long Offset => offset;

        public int Length => length;

        /// <summary>Timestamp.</summary>
        public long Began => began;

        public MissRecord ToRecord(TimeSpan waited, bool failed) => new(disk, offset, length, at, waited, failed);
    }
}
