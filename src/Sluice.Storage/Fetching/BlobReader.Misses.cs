using Sluice.Storage.Activity;
using Sluice.Storage.Cache;
using Sluice.Storage.Disks;
using Sluice.Storage.Traces;

namespace Sluice.Storage.Fetching;

/// <summary>Reads that have to wait, and prefetching.</summary>
public sealed partial class BlobReader
{
    // A read waits for a check, then for a fetch that someone else began, then for its own; more rounds mean that what
    // was stored is taken away as fast as it comes.
    private const int MaxRounds = 6;

    // Blob space that a prefetch asks for at a time.
    private const int PrefetchWindow = 8 << 20;

    /// <summary>As <see cref="IDisk.ReadAsync"/>; the range lies within <see cref="BlobCache.PaddedLength"/>.</summary>
    public ValueTask<DiskError> ReadAsync(long offset, Memory<byte> destination) =>
        TryRead(offset, destination.Span) ? ValueTask.FromResult(DiskError.None) : ReadMissingAsync(offset, destination);

    /// <summary>
    /// Makes a range of blob space local and verified. True if it is; false if something could not be had. The range may be
    /// as large as the blob; a window of it is asked for at a time.
    /// </summary>
    /// <param name="cause">Whom its bytes are counted for; null: as the priority says.</param>
    public async Task<bool> PrefetchAsync(long offset, long length, FetchPriority priority, CancellationToken cancellation, FetchCause? cause = null)
    {
        long end = Math.Min(offset + length, Format.Length);
        bool complete = true;
        for (long position = offset; position < end; position += PrefetchWindow)
        {
            cancellation.ThrowIfCancellationRequested();
            List<JoinedFlight> flights = [];
            List<int> slots = MissingSlots(position, Math.Min(PrefetchWindow, end - position));
            for (int round = 0; round < 3 && slots.Count != 0; round++)
            {
                // The next round fetches what failed a check, or could not be copied from another blob.
                _fetcher.Join(this, slots, cause ?? FetchCauses.CauseOf(priority), priority, flights, mayCopy: round == 0);
                List<Task> completions = flights.ConvertAll(joined => joined.Flight.Completion);
                completions.AddRange(NoteOrigins(flights, slots));
                ReleaseAll(flights);
                await Task.WhenAll(completions).WaitAsync(cancellation);

                slots.RemoveAll(slot => Cache.IsVerified(Format.GetExtent(slot).Number));
            }

            complete &= slots.Count == 0;
        }

        return complete;
    }

    /// <summary>Starts to make a range local; does not wait and does not care.</summary>
    internal void StartPrefetch(long offset, long length)
    {
        List<int> slots = MissingSlots(offset, length);
        if (slots.Count == 0) return;
        List<JoinedFlight> flights = [];
        _fetcher.Join(this, slots, FetchCause.ReadAhead, FetchPriority.Prefetch, flights, mayCopy: true);
        NoteOrigins(flights, slots);
        ReleaseAll(flights);
    }

    /// <summary>A prefetch copies nothing from flights that another image has asked for: what they bring is noted as they end.</summary>
    private Task[] NoteOrigins(List<JoinedFlight> flights, List<int> slots)
    {
        if (Activity.Origins is not { } origins || flights.TrueForAll(joined => joined.Flight.Owner == this)) return [];
        int[] numbers = [.. slots.Select(slot => Format.GetExtent(slot).Number)];
        return [.. flights.Where(joined => joined.Flight.Owner != this).Select(joined => NoteAsync(joined.Flight))];

        async Task NoteAsync(Flight flight)
        {
            flight.AddReference();
            await flight.Completion;
            foreach (int number in numbers)
            {
                if (flight.Origin is { } origin && flight.Has(number)) origins.Came(Format, number, origin);
            }

            flight.Release();
        }
    }

    private async ValueTask<DiskError> ReadMissingAsync(long offset, Memory<byte> destination)
    {
        DiskError error;
        long began = _fetcher.Options.Time.GetTimestamp();
        (TraceRecorder? recorder, List<int>? noted) = (Activity.Recorder, null);
        try
        {
            _fetcher.Counters.Miss();
            noted = recorder is null ? null : TouchesOf(recorder).TouchMissing(Format, offset, destination.Length);
            error = await FillAsync(offset, destination);
        }
        catch (Exception e)
        {
            _fetcher.Options.Report(FetchEventKind.Defect, this, FetchCause.Demand, $"blob {Format.Blob}, blob space {offset}+{destination.Length}: {e}");
            error = DiskError.InputOutput;
        }

        TimeSpan waited = _fetcher.Options.Time.GetElapsedTime(began);
        if (noted is { Count: > 0 }) recorder!.Waited(noted, waited, came: error == DiskError.None);
        _fetcher.Counters.Waited();
        _fetcher.Counters.Waits.Add(waited);
        if (error == DiskError.None) _fetcher.Counters.Served(destination.Length);
        else _fetcher.Counters.Failed();
        return error;
    }

    private async ValueTask<DiskError> FillAsync(long offset, Memory<byte> destination)
    {
        FetchOptions options = _fetcher.Options;
        long started = options.Time.GetTimestamp();
        List<int> pending = SlotsOf(offset, destination.Length);
        List<JoinedFlight> flights = [];
        destination.Span.Clear();
        for (int round = 0; round < MaxRounds; round++)
        {
            TakeFromCache(pending, offset, destination.Span);
            if (pending.Count == 0) return DiskError.None;
            _fetcher.Join(this, pending, FetchCause.Demand, FetchPriority.Demand, flights, mayCopy: round == 0);
            if (round == 0) _readAhead.OnMiss(offset, Format.GetExtent(pending[^1]).End);
            try
            {
                bool failed = false;
                while (flights.Count != 0)
                {
                    TimeSpan left = Deadline - options.Time.GetElapsedTime(started);
                    await AnyCompletion(flights).WaitAsync(left > TimeSpan.Zero ? left : TimeSpan.Zero, options.Time);
                    if (_disposed) return DiskError.InputOutput;
                    failed |= TakeFromFlights(pending, flights, offset, destination.Span);
                }

                if (pending.Count == 0) return DiskError.None;
                if (failed) return DiskError.InputOutput;
            }
            catch (TimeoutException)
            {
                string? reason = flights.Select(joined => (joined.Flight as SourceFetch)?.LastFault).FirstOrDefault(fault => fault is not null);
                _fetcher.Counters.DeadlinePassed();
                options.Report(
                    FetchEventKind.DeadlinePassed, this, FetchCause.Demand,
                    $"blob {Format.Blob}, blob space {offset}+{destination.Length}: nothing within {Deadline.TotalSeconds:0.#} s from {Sources.Names}{(reason is null ? "" : $"; last: {reason}")}");
                return DiskError.InputOutput;
            }
            finally
            {
                ReleaseAll(flights);
            }
        }

        options.Report(FetchEventKind.Unfetchable, this, FetchCause.Demand, $"blob {Format.Blob}, blob space {offset}+{destination.Length}: given up after {MaxRounds} rounds");
        return DiskError.InputOutput;
    }

    private bool Failed(SourceFetch fetch, List<int> pending) => pending.Exists(slot => fetch.Units.BinarySearch(Format.GetUnitOf(slot)) >= 0);

    private List<int> SlotsOf(long offset, long length)
    {
        List<int> slots = [];
        for (int slot = Format.Find(offset); slot < Format.Count && Format.GetExtent(slot).Offset < offset + length; slot++) slots.Add(slot);
        return slots;
    }

    private List<int> MissingSlots(long offset, long length)
    {
        List<int> slots = SlotsOf(offset, length);
        slots.RemoveAll(slot => Cache.IsVerified(Format.GetExtent(slot).Number));
        return slots;
    }

    private void TakeFromCache(List<int> pending, long offset, Span<byte> destination)
    {
        for (int index = pending.Count - 1; index >= 0; index--)
        {
            ChunkExtent extent = Format.GetExtent(pending[index]);
            if (!Cache.IsVerified(extent.Number)) continue;
            Span<byte> target = Intersect(extent, offset, destination, out int from);

            // Twice: the first may have failed because some other chunk was taken back meanwhile.
            if (Cache.TryRead(Format, extent.Offset + from, target) || Cache.TryRead(Format, extent.Offset + from, target)) pending.RemoveAt(index);
            else if (Cache.IsVerified(extent.Number)) Cache.Forget(extent.Number);
        }
    }

    private static Task AnyCompletion(List<JoinedFlight> flights) =>
        flights.Count == 1 ? flights[0].Flight.Completion : Task.WhenAny(flights.ConvertAll(joined => joined.Flight.Completion));

    /// <summary>
    /// Copies what completed flights brought and lets go of them at once: a read that kept their memory until its last flight
    /// is done could starve that one.
    /// </summary>
    /// <returns>True if a flight failed that was started for this read.</returns>
    private bool TakeFromFlights(List<int> pending, List<JoinedFlight> flights, long offset, Span<byte> destination)
    {
        bool failed = false;
        for (int index = flights.Count - 1; index >= 0; index--)
        {
            JoinedFlight joined = flights[index];
            if (!joined.Flight.Completion.IsCompleted) continue;
            for (int entry = pending.Count - 1; entry >= 0; entry--)
            {
                ChunkExtent extent = Format.GetExtent(pending[entry]);
                Span<byte> target = Intersect(extent, offset, destination, out int from);
                if (!joined.Flight.TryCopy(extent.Number, from, target)) continue;
                pending.RemoveAt(entry);
                if (joined.Flight.Owner != this && joined.Flight.Origin is { } origin) Activity.Origins?.Came(Format, extent.Number, origin); // another image has asked for it
            }

            failed |= joined is { Created: true, Flight: SourceFetch { Units.Count: > 0 } fetch } && Failed(fetch, pending);
            flights.RemoveAt(index);
            joined.Flight.Release();
        }

        return failed;
    }

    private static Span<byte> Intersect(ChunkExtent extent, long offset, Span<byte> destination, out int from)
    {
        long start = Math.Max(extent.Offset, offset);
        long end = Math.Min(extent.End, offset + destination.Length);
        from = (int)(start - extent.Offset);
        return destination[(int)(start - offset)..(int)(end - offset)];
    }

    private static void ReleaseAll(List<JoinedFlight> flights)
    {
        foreach (JoinedFlight joined in flights) joined.Flight.Release();
        flights.Clear();
    }
}
