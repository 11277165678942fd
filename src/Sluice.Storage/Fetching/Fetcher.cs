using System.Collections.Concurrent;
using Sluice.Formats.Hashing;
using Sluice.Storage.Activity;
using Sluice.Storage.Cache;
using Sluice.Storage.Sources;
using Sluice.Storage.Sources.Places;

namespace Sluice.Storage.Fetching;

/// <summary>
/// Gets missing chunks, one instance for all disks of the process. One fetch per unit however many wait for it, near
/// neighbours in one request, demand before prefetch before background, images in turn, a bound on requests per place, on
/// requests in total and on memory. Decoding and checking run on the thread pool for who waits, on <see cref="PatientThreads"/> else. All members may be called concurrently.
/// </summary>
public sealed partial class Fetcher : IDisposable
{
    private readonly Lock _gate = new();
    private readonly FetchQueue _queue = new();
    private readonly HashSet<SourceFetch> _running = [];
    private readonly HashSet<SourceFetch> _pausing = [];
    private readonly Dictionary<(BlobCache Cache, int Number), Flight> _flights = [];
    private readonly Dictionary<ChunkDigest, (SourceFetch Fetch, int Number)> _arriving = []; // where chunks have digests
    private readonly ConcurrentDictionary<string, SourcePlace> _places = new(StringComparer.Ordinal);
    private readonly CancellationTokenSource _shutdown = new();
    private readonly HedgeAllowance _hedges = new();
    private readonly ITimer _wake;
    private long _memory;
    private bool _disposed;
    private volatile FetchOptions _options;

    public Fetcher(FetchOptions? options = null)
    {
        _options = options ?? new FetchOptions();
        _wake = Options.Time.CreateTimer(static state => ((Fetcher)state!).Wake(), this, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
    }

    /// <summary>What holds now; <see cref="Apply"/> changes it.</summary>
    public FetchOptions Options => _options;

    public FetchCounters Counters { get; } = new();

    internal CancellationToken Shutdown => _shutdown.Token;

    /// <summary>What nobody waits for is decoded there.</summary>
    internal PatientThreads Patient { get; } = new(TimeSpan.FromSeconds(10));

    /// <summary>Changes the limits while fetches are under way: they hold for what is decided from now on. Clock and log stay as they are.</summary>
    public void Apply(FetchOptions options)
    {
        lock (_gate)
        {
            _options = options with { Time = _options.Time, Log = _options.Log, Events = _options.Events };
            Dispatch();
        }
    }

    public ActivitySnapshot GetActivity()
    {
        lock (_gate)
        {
            long oldest = long.MaxValue;
            foreach (SourceFetch fetch in _running) oldest = Math.Min(oldest, fetch.Started);
            foreach (SourceFetch fetch in _pausing) oldest = Math.Min(oldest, fetch.Started);
            foreach (SourceFetch fetch in _queue.All) oldest = Math.Min(oldest, fetch.Started);
            return new ActivitySnapshot(
                _queue.Count(FetchPriority.Demand),
                _queue.Count(FetchPriority.Prefetch),
                _queue.Count(FetchPriority.Background),
                _running.Count,
                _memory + _unstoredBytes,
                oldest == long.MaxValue ? TimeSpan.Zero : Options.Time.GetElapsedTime(oldest));
        }
    }

    /// <summary>The places that blobs of this process come from, whether they were asked yet or not.</summary>
    public IReadOnlyList<SourceReport> GetSources() => [.. _places.Values.Select(place => new SourceReport(place.Health, Counters.Source(place.Name)))];

    /// <summary>Ends all reads in <see cref="Disks.DiskError.InputOutput"/> and cancels what sources are doing.</summary>
    public void Dispose()
    {
        List<SourceFetch> queued;
        lock (_gate)
        {
            if (_disposed) return;
            _disposed = true;
            queued = TakeQueued(static _ => true);
            LetGoUnstored(static _ => true);
        }

        _wake.Dispose();
        _shutdown.Cancel();
        foreach (SourceFetch fetch in queued) fetch.Complete();
    }

    /// <summary>
    /// Finds or starts what makes the given chunks available; each flight comes with a reference for the caller to release.
    /// Chunks that are verified by now need none.
    /// </summary>
    /// <param name="mayCopy">Chunks that another blob has, or is about to have, may be taken from there. To be tried once: what is there may have rotted.</param>
    internal void Join(BlobReader reader, List<int> slots, FetchCause cause, FetchPriority priority, List<JoinedFlight> joined, bool mayCopy)
    {
        List<ChunkCheck>? checks = null;
        List<ChunkCopy>? copies = null;
        lock (_gate)
        {
            if (_disposed || reader.IsDisposed) return;
            LetGoUnstored();
            List<int>? units = null;
            foreach (int slot in slots)
            {
                ChunkExtent extent = reader.Format.GetExtent(slot);
                if (reader.Cache.IsVerified(extent.Number)) continue;
                if (_flights.TryGetValue((reader.Cache, extent.Number), out Flight? flight))
                {
                    if (!joined.Exists(entry => entry.Flight == flight)) JoinExisting(flight, reader, priority, joined);
                }
                else if (reader.Cache.IsPresent(extent.Number))
                {
                    AddToCheck(reader, slot, extent, checks ??= [], joined);
                }
                else if (!AddToCopy(reader, slot, extent, priority, copies ??= [], joined, mayCopy))
                {
                    (units ??= []).Add(reader.Format.GetUnitOf(slot));
                }
            }

            if (units is not null) Enqueue(reader, units, cause, priority, joined);
            Dispatch();
        }

        foreach (ChunkCheck check in checks ?? []) ThreadPool.UnsafeQueueUserWorkItem(check, preferLocal: false);
        foreach (ChunkCopy copy in copies ?? []) copy.Begin();
    }

    /// <summary>The end of a flight that asked no source.</summary>
    internal void Finish(Flight flight)
    {
        lock (_gate) Unregister(flight);
        flight.Complete();
    }

    internal void ReturnMemory(long bytes)
    {
        lock (_gate)
        {
            _memory -= bytes;
            Dispatch();
        }
    }

    /// <summary>Fails what a closing reader has queued or will try again. What runs for it ends by itself.</summary>
    internal void Remove(BlobReader reader)
    {
        List<SourceFetch> queued;
        lock (_gate)
        {
            queued = TakeQueued(fetch => fetch.Owner == reader);
            LetGoUnstored(fetch => fetch.Owner == reader);
        }

        foreach (SourceFetch fetch in queued) fetch.Complete();
    }

    private void JoinExisting(Flight flight, BlobReader reader, FetchPriority priority, List<JoinedFlight> joined)
    {
        flight.AddReference();
        joined.Add(new JoinedFlight(flight, Created: false));
        Counters.Join();
        if (flight is SourceFetch own) own.Extend(reader.Deadline);
        if ((flight as SourceFetch ?? (flight as ChunkCopy)?.Arriving) is { } fetch) _queue.Promote(fetch, priority);
    }

    private void AddToCheck(BlobReader reader, int slot, ChunkExtent extent, List<ChunkCheck> checks, List<JoinedFlight> joined)
    {
        // About 1 MiB each: whoever waits for one chunk waits for its neighbours in the check, too.
        const int CheckedBytes = 1 << 20;
        ChunkCheck? check = checks.Count == 0 ? null : checks[^1];
        if (check is null || extent.End - reader.Format.GetExtent(check.Slots[0]).Offset > CheckedBytes)
        {
            check = new ChunkCheck(reader, this);
            checks.Add(check);
            check.AddReference();
            joined.Add(new JoinedFlight(check, Created: true));
        }

        check.Slots.Add(slot);
        Register(check, extent.Number);
    }

    /// <summary>A chunk that another blob has, or is about to have from the same source, is not fetched but copied.</summary>
    private bool AddToCopy(BlobReader reader, int slot, ChunkExtent extent, FetchPriority priority, List<ChunkCopy> copies, List<JoinedFlight> joined, bool mayCopy)
    {
        if (!mayCopy) return false;
        SourceFetch? arriving = null;
        (BlobCache Cache, int Number)? place = reader.FindEqual(slot);
        if (place is null)
        {
            if (!reader.Format.HasContentDigests || !_arriving.TryGetValue(reader.Format.GetIdentity(slot), out (SourceFetch Fetch, int Number) other)) return false;
            if (other.Fetch.Owner.Cache == reader.Cache || other.Fetch.Owner.Sources[0].Name != reader.Sources[0].Name) return false;
            (arriving, place) = (other.Fetch, (other.Fetch.Owner.Cache, other.Number));
            _queue.Promote(arriving, priority);
        }

        ChunkCopy? copy = copies.Count == 0 ? null : copies[^1];
        if (copy is null || !copy.Admits(arriving, extent))
        {
            copy = new ChunkCopy(reader, this, arriving, extent.Offset);
            copies.Add(copy);
            arriving?.AddReference();
            copy.AddReference();
            joined.Add(new JoinedFlight(copy, Created: true));
        }

        copy.Chunks.Add(new ChunkCopy.Chunk(slot, place.Value.Cache, place.Value.Number));
        Register(copy, extent.Number);
        return true;
    }

    private void Enqueue(BlobReader reader, List<int> units, FetchCause cause, FetchPriority priority, List<JoinedFlight> joined)
    {
        units.Sort();
        List<int> distinct = [];
        foreach (int unit in units)
            if (distinct.Count == 0 || distinct[^1] != unit) distinct.Add(unit);

        List<List<int>> ranges = FetchPlanner.Plan(reader.Format, distinct, unit => IsMissing(reader, unit), Options, grow: priority == FetchPriority.Demand);
        foreach (List<int> range in ranges)
        {
            (long start, long end, long decoded) = Measure(reader.Format, range);
            SourceFetch? fetch = _queue.FindNeighbour(reader, start, end, decoded, Options);
            bool created = fetch is null;
            if (fetch is null)
            {
                fetch = new SourceFetch(reader, this, priority, Options.Time.GetTimestamp());
                _queue.Add(fetch);
            }
            else
            {
                fetch.Extend(reader.Deadline);
                Counters.Merge();
                _queue.Promote(fetch, priority);
            }

            foreach (int unit in range)
            {
                fetch.AddUnit(unit, distinct.BinarySearch(unit) >= 0 ? cause : FetchCause.Neighbours);
                RegisterMembers(fetch, unit);
            }

            if (joined.Exists(entry => entry.Flight == fetch)) continue;
            fetch.AddReference();
            joined.Add(new JoinedFlight(fetch, created));
        }
    }

    private static (long Start, long End, long Decoded) Measure(IBlobFormat format, List<int> units)
    {
        (long start, long end, long decoded) = (long.MaxValue, 0, 0);
        foreach (int unit in units)
        {
            FetchUnit extent = format.GetUnit(unit);
            start = Math.Min(start, extent.CompressedOffset);
            end = Math.Max(end, extent.CompressedEnd);
            decoded += extent.DecodedLength;
        }

        return (start, end, decoded);
    }

    private bool IsMissing(BlobReader reader, int unit)
    {
        int members = reader.Format.GetUnit(unit).MemberCount;
        for (int index = 0; index < members; index++)
        {
            int number = reader.Format.GetExtent(reader.Format.GetMember(unit, index).Slot).Number;
            if (!reader.Cache.IsPresent(number) && !_flights.ContainsKey((reader.Cache, number)) && reader.FindEqual(reader.Format.GetMember(unit, index).Slot) is null) return true;
        }

        return false;
    }

    private void RegisterMembers(SourceFetch fetch, int unit)
    {
        IBlobFormat format = fetch.Owner.Format;
        int members = format.GetUnit(unit).MemberCount;
        for (int index = 0; index < members; index++)
        {
            int slot = format.GetMember(unit, index).Slot;
            int number = format.GetExtent(slot).Number;
            if (Register(fetch, number) && format.HasContentDigests && _arriving.TryAdd(format.GetIdentity(slot), (fetch, number))) fetch.Announced.Add(format.GetIdentity(slot));
        }
    }

    private bool Register(Flight flight, int number)
    {
        bool first = _flights.TryAdd((flight.Owner.Cache, number), flight);
        if (first) flight.Registered.Add(number);
        return first;
    }

    private void Unregister(Flight flight)
    {
        foreach (int number in flight.Registered) _flights.Remove((flight.Owner.Cache, number));
        flight.Registered.Clear();
        if (flight is not SourceFetch fetch) return;
        foreach (ChunkDigest digest in fetch.Announced) _arriving.Remove(digest);
        fetch.Announced.Clear();
    }

    private List<SourceFetch> TakeQueued(Func<SourceFetch, bool> condition)
    {
        List<SourceFetch> taken = [.. _queue.RemoveAll(condition), .. _pausing.Where(condition)];
        _pausing.ExceptWith(taken);
        foreach (SourceFetch fetch in taken) Unregister(fetch);
        return taken;
    }
}
