using Sluice.Storage.Sources;

namespace Sluice.Storage.Fetching;

/// <summary>Which queued fetch starts when, at which source, and what follows an attempt.</summary>
public sealed partial class Fetcher
{
    // How far behind fetches that wait for a busy source others are looked for: more than the reads that disks of one hung
    // registry have under way.
    private const int DispatchDepth = 1024;

    /// <summary>Slots of all sources of one name. Half of all at most, so that a registry that hangs does not stop the others.</summary>
    private int SlotsPerName => Math.Min(Options.ConcurrencyPerSource, (Options.TotalConcurrency + 1) / 2);

    /// <summary>Starts what may start. Called under the lock.</summary>
    private void Dispatch()
    {
        List<SourceFetch>? expired = null;
        long now = Options.Time.GetTimestamp();
        for (FetchPriority priority = FetchPriority.Demand; priority <= FetchPriority.Background; priority++)
        {
            int looked = 0;
            LinkedListNode<SourceFetch>? next;
            for (LinkedListNode<SourceFetch>? node = _queue.First(priority); node is not null && looked < DispatchDepth; node = next, looked++)
            {
                next = node.Next;
                SourceFetch fetch = node.Value;
                if (RemainingTime(fetch, now) <= TimeSpan.Zero)
                {
                    _queue.Remove(node);
                    Unregister(fetch);
                    (expired ??= []).Add(fetch);
                    continue;
                }

                if (_running.Count >= SlotsFor(priority, Options.TotalConcurrency) || !HasMemoryFor(fetch)) break;
                int index = ChooseSource(fetch, now);
                IBlobSource source = fetch.Owner.Sources[index];
                SourceSlots slots = StateOf(source).Slots;
                if (slots.Running >= SlotsFor(priority, SlotsPerName)) continue;
                _queue.Remove(node);
                Start(fetch, index, source, slots, now);
            }
        }

        if (expired is not null) ThreadPool.UnsafeQueueUserWorkItem(Expire, expired, preferLocal: false);
    }

    /// <summary>A quarter of the slots, where there are some to spare, is kept free for demand.</summary>
    private static int SlotsFor(FetchPriority priority, int slots) =>
        priority == FetchPriority.Demand ? slots : Math.Max(1, slots - Math.Max(1, slots / 4));

    private SourceState StateOf(IBlobSource source)
    {
        if (_sources.TryGetValue(source, out SourceState? state)) return state;
        SourceSlots? slots = null;
        foreach ((IBlobSource other, SourceState known) in _sources)
            if (other.Name == source.Name) slots = known.Slots;
        state = new SourceState(slots ?? new SourceSlots());
        _sources.Add(source, state);
        return state;
    }

    private bool HasMemoryFor(SourceFetch fetch)
    {
        long extra = Math.Max(0, fetch.Cost - fetch.Charged);
        long limit = fetch.Priority == FetchPriority.Demand ? Options.MemoryInFlight : Options.MemoryInFlight / 2;
        return _memory - fetch.Charged == 0 || _memory + extra <= limit;
    }

    private void Start(SourceFetch fetch, int index, IBlobSource source, SourceSlots slots, long now)
    {
        TimeSpan remaining = RemainingTime(fetch, now);
        bool last = fetch.Attempts + 1 >= AttemptsFor(fetch.Owner);
        TimeSpan limit = last || remaining < Options.AttemptTimeout ? remaining : Options.AttemptTimeout;
        fetch.Attempts++;
        fetch.Tried |= 1UL << index;
        long charge = Math.Max(fetch.Cost, fetch.Charged);
        _memory += charge - fetch.Charged;
        fetch.Charged = charge;
        slots.Running++;
        _running.Add(fetch);
        fetch.Prepare(source, limit);
        ThreadPool.UnsafeQueueUserWorkItem(fetch, preferLocal: false);
    }

    /// <summary>By the worker, when a source has answered or not and what it sent has been looked at.</summary>
    internal void FinishAttempt(SourceFetch fetch, IBlobSource source)
    {
        bool again = false;
        TimeSpan? pause = null;
        lock (_gate)
        {
            SourceState state = StateOf(source);
            state.Slots.Running--;
            _running.Remove(fetch);
            if (fetch.Units.Count != 0)
            {
                long now = Options.Time.GetTimestamp();
                state.PenaltyUntil = now + (long)(Options.SourcePenalty.TotalSeconds * Options.Time.TimestampFrequency);
                bool alive = !_disposed && !fetch.Owner.IsDisposed;
                again = alive && MayTryAgain(fetch) && RemainingTime(fetch, now) > TimeSpan.Zero;
                if (alive && !again && fetch.MayPassIn is { } least)
                {
                    pause = least > Options.RetryDelay ? least : Options.RetryDelay;
                    if (RemainingTime(fetch, now) <= pause) pause = null;
                }
            }

            if (again) _queue.AddFirst(fetch);
            else if (pause is { } delay) Pause(fetch, delay);
            else Unregister(fetch);
            Dispatch();
        }

        if (again || pause is not null) Counters.Retry();
        else Conclude(fetch);
    }

    /// <summary>The fetch stays registered: whoever wants the same meanwhile waits, too.</summary>
    private void Pause(SourceFetch fetch, TimeSpan delay)
    {
        _pausing.Add(fetch);
        _ = ContinueAsync();

        async Task ContinueAsync()
        {
            await Task.Delay(delay, Options.Time, Shutdown).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing | ConfigureAwaitOptions.ForceYielding);
            lock (_gate)
            {
                if (!_pausing.Remove(fetch)) return; // its reader has closed
                fetch.StartRound();
                _queue.AddFirst(fetch);
                Dispatch();
            }
        }
    }

    private void Conclude(SourceFetch fetch)
    {
        if (fetch.HasFaults && !fetch.Owner.IsDisposed) Report(fetch);
        fetch.Complete();
    }

    private void Report(SourceFetch fetch)
    {
        bool here = fetch.Units.Count == 0;
        FetchEventKind kind = fetch.HadWrongBytes ? FetchEventKind.WrongBytes : here ? FetchEventKind.Recovered : FetchEventKind.Unfetchable;
        Options.Report(kind, fetch.Owner, fetch.Cause, fetch.Describe(here ? "fetched after a failure" : "can't be fetched"));
    }

    private static int AttemptsFor(BlobReader reader) => Math.Max(2, reader.Sources.Count);

    /// <summary>A lone source that gave wrong bytes or no answer is asked once more; one that refused has done its own retries.</summary>
    private static bool MayTryAgain(SourceFetch fetch)
    {
        int sources = fetch.Owner.Sources.Count;
        return sources > 1 ? fetch.Attempts < sources : fetch.Attempts < 2 && !fetch.SourceRefused;
    }

    /// <summary>The first source that was not asked yet and did not fail lately, else the first not asked, else the first.</summary>
    private int ChooseSource(SourceFetch fetch, long now)
    {
        int choice = -1;
        for (int index = 0; index < fetch.Owner.Sources.Count; index++)
        {
            if ((fetch.Tried & (1UL << index)) != 0) continue;
            if (choice < 0) choice = index;
            if (!_sources.TryGetValue(fetch.Owner.Sources[index], out SourceState? state) || state.PenaltyUntil <= now) return index;
        }

        return Math.Max(choice, 0);
    }

    private TimeSpan RemainingTime(SourceFetch fetch, long now) => fetch.Deadline - Options.Time.GetElapsedTime(fetch.Started, now);

    private void Expire(List<SourceFetch> fetches)
    {
        foreach (SourceFetch fetch in fetches) Conclude(fetch);
    }
}
