namespace Sluice.Storage.Fetching;

/// <summary>Which queued fetch starts when, and what follows an attempt.</summary>
public sealed partial class Fetcher
{
    // An image's fetches wait for the same few sources as a rule: when so many can't start, the others can't either.
    private const int DispatchDepth = 8;

    // Requests of one place that wait for no slot of the others.
    private const int OwnSlots = 2;

    /// <summary>Slots of one place. Half of all at most.</summary>
    private int SlotsPerPlace => Math.Min(Options.ConcurrencyPerSource, (Options.TotalConcurrency + 1) / 2);

    /// <summary>Starts what may start. Called under the lock.</summary>
    private void Dispatch()
    {
        if (_disposed) return;
        Turn turn = new(Options.Time.GetTimestamp());
        Measure(ref turn);
        for (FetchPriority priority = FetchPriority.Demand; priority <= FetchPriority.Background; priority++)
        {
            for (bool started = true; started;)
            {
                started = false;
                int images = _queue.Turns(priority).Count;
                for (LinkedListNode<FetchQueue.Lane>? lane = _queue.Turns(priority).First, next; lane is not null && images-- > 0; lane = next)
                {
                    next = lane.Next;
                    if (!TryStart(lane.Value, ref turn)) continue;
                    _queue.EndTurn(lane.Value);
                    started = true;
                }
            }
        }

        if (turn.WakeIn < TimeSpan.MaxValue) _wake.Change(turn.WakeIn, Timeout.InfiniteTimeSpan);
        if (turn.Over is not null) ThreadPool.UnsafeQueueUserWorkItem(Expire, turn.Over, preferLocal: false);
    }

    private void Wake()
    {
        lock (_gate) Dispatch();
    }

    /// <summary>What requests hold that are not stalled, and when the next one will be.</summary>
    private void Measure(ref Turn turn)
    {
        turn.Memory = _memory;
        foreach (SourceFetch fetch in _running)
        {
            TimeSpan left = Options.StalledAfter - Options.Time.GetElapsedTime(fetch.AskedAt, turn.Now);
            if (left <= TimeSpan.Zero)
            {
                turn.Memory -= fetch.Charged;
                continue;
            }

            turn.Running++;
            if (left < turn.NextStall) turn.NextStall = left;
        }
    }

    /// <summary>Starts the first fetch of an image that may start.</summary>
    private bool TryStart(FetchQueue.Lane lane, ref Turn turn)
    {
        int looked = 0;
        for (LinkedListNode<SourceFetch>? node = lane.Fetches.First, next; node is not null && looked < DispatchDepth; node = next)
        {
            next = node.Next;
            SourceFetch fetch = node.Value;
            TimeSpan remaining = RemainingTime(fetch, turn.Now);
            SourceChoice choice = ChooseSource(fetch, turn.Now);
            TimeSpan wait = choice.Place.Wait();
            bool isUrgent = wait >= remaining && fetch.Priority == FetchPriority.Demand;
            if (remaining <= TimeSpan.Zero || (wait >= remaining && !isUrgent))
            {
                if (remaining > TimeSpan.Zero) fetch.AddFault($"{choice.Source.Name}: asked for a pause of {wait.TotalSeconds:0.#} s, longer than the read may take");
                GiveUp(node, ref turn);
                continue;
            }

            looked++;
            if (wait > TimeSpan.Zero && !isUrgent)
            {
                turn.WakeBefore(wait);
            }
            else if (!HasRoom(fetch, choice, ref turn))
            {
                turn.WakeBefore(turn.NextStall);
            }
            else if (!(isUrgent ? choice.Place.TryAskUrgently(out wait) : choice.Place.TryAsk(out wait)))
            {
                turn.WakeBefore(wait);
            }
            else
            {
                _queue.Remove(node);
                Start(fetch, choice, remaining, ref turn);
                return true;
            }
        }

        return false;
    }

    private void GiveUp(LinkedListNode<SourceFetch> node, ref Turn turn)
    {
        _queue.Remove(node);
        Unregister(node.Value);
        (turn.Over ??= []).Add(node.Value);
    }

    /// <summary>A quarter of the slots, where there are some to spare, is kept free for demand.</summary>
    private static int SlotsFor(FetchPriority priority, int slots) =>
        priority == FetchPriority.Demand ? slots : Math.Max(1, slots - Math.Max(1, slots / 4));

    private bool HasRoom(SourceFetch fetch, SourceChoice choice, ref Turn turn)
    {
        int slots = choice.Place.IsResting ? Math.Max(1, SlotsPerPlace / 4) : SlotsPerPlace;
        int running = choice.Place.Running;
        if (running >= SlotsFor(fetch.Priority, slots)) return false;
        bool hasSlot = turn.Running < SlotsFor(fetch.Priority, Options.TotalConcurrency) || (fetch.Priority == FetchPriority.Demand && running < OwnSlots);
        if (!hasSlot) return false;
        long held = turn.Memory - fetch.Charged;
        long limit = fetch.Priority == FetchPriority.Demand ? Options.MemoryInFlight : Options.MemoryInFlight / 2;
        return held <= 0 || held + Math.Max(fetch.Cost, fetch.Charged) <= limit;
    }

    private void Start(SourceFetch fetch, SourceChoice choice, TimeSpan remaining, ref Turn turn)
    {
        // Whoever is asked later gets a share, too.
        TimeSpan share = fetch.Untried > 1 ? remaining / fetch.Untried : remaining;
        TimeSpan limit = fetch.IsLastChance || share < Options.AttemptTimeout ? share : Options.AttemptTimeout;
        fetch.Attempts++;
        fetch.Tried |= 1UL << choice.Index;
        fetch.AskedAt = turn.Now;
        long charge = Math.Max(fetch.Cost, fetch.Charged);
        _memory += charge - fetch.Charged;
        turn.Memory += charge - fetch.Charged;
        turn.Running++;
        fetch.Charged = charge;
        choice.Place.Enter();
        if (fetch.Priority == FetchPriority.Demand) _hedges.OnRequest(Options.HedgeShare);
        _running.Add(fetch);
        fetch.Prepare(choice, limit);
        ThreadPool.UnsafeQueueUserWorkItem(fetch, preferLocal: false);
    }

    /// <summary>By the worker, when sources have answered or not and what they sent has been looked at.</summary>
    internal void FinishAttempt(SourceFetch fetch)
    {
        bool again = false;
        TimeSpan? pause = null;
        lock (_gate)
        {
            _running.Remove(fetch);
            if (fetch.Units.Count != 0)
            {
                TimeSpan remaining = RemainingTime(fetch, Options.Time.GetTimestamp());
                bool alive = !_disposed && !fetch.Owner.IsDisposed;
                again = alive && remaining > TimeSpan.Zero && (fetch.Untried > 0 || fetch.TryStartSecondRound());
                if (alive && !again && fetch.MayPassIn is { } least)
                {
                    pause = least > Options.RetryDelay ? least : Options.RetryDelay;
                    if (remaining <= pause) pause = null;
                }
            }

            if (again) _queue.AddFirst(fetch);
            else if (pause is { } delay) Pause(fetch, delay);
            else UnregisterStored(fetch);
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

    private TimeSpan RemainingTime(SourceFetch fetch, long now) => fetch.Deadline - Options.Time.GetElapsedTime(fetch.Started, now);

    private void Expire(List<SourceFetch> fetches)
    {
        foreach (SourceFetch fetch in fetches) Conclude(fetch);
    }

    /// <summary>One pass over the queue.</summary>
    private struct Turn(long now)
    {
        /// <summary>Fetches under way that are not stalled.</summary>
        public int Running;

        /// <summary>Bytes that these, and readers that still copy, hold.</summary>
        public long Memory;

        /// <summary>When the next of these counts as stalled.</summary>
        public TimeSpan NextStall = TimeSpan.MaxValue;

        /// <summary>Fetches that can't be had in time.</summary>
        public List<SourceFetch>? Over;

        public long Now { get; } = now;

        /// <summary>When to look again though nothing has ended.</summary>
        public TimeSpan WakeIn { get; private set; } = TimeSpan.MaxValue;

        public void WakeBefore(TimeSpan wait)
        {
            if (wait < WakeIn) WakeIn = wait;
        }
    }
}
