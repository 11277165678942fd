using System.Numerics;
using Sluice.Formats;
using Sluice.Formats.Hashing;
using Sluice.Storage.Activity;
using Sluice.Storage.Cache;

namespace Sluice.Storage.Fetching;

/// <summary>
/// One ranged read of a blob and what becomes of it: decode, verify, store. While it is queued it may still grow; what a
/// source delivers wrong or not at all is asked from the next one.
/// </summary>
internal sealed class SourceFetch(BlobReader owner, Fetcher fetcher, FetchPriority priority, long started) : Flight(owner)
{
    private readonly List<string> _faults = [];
    private readonly List<FetchCause> _causes = []; // of the units
    private readonly TaskCompletionSource _demanded = new(TaskCreationOptions.RunContinuationsAsynchronously); // somebody waits now
    private volatile string? _lastFault;
    private SourceChoice _choice;
    private TimeSpan _limit;
    private FetchPriority _priority = priority;
    private ulong _onceMore;
    private bool _isSecondRound;
    private bool _isAsked;

    /// <summary>Units that are still to be fetched, ascending.</summary>
    public List<int> Units { get; } = [];

    /// <summary>Digests of the chunks that other blobs may wait for; guarded by the fetcher's lock.</summary>
    public List<ChunkDigest> Announced { get; } = [];

    public FetchPriority Priority
    {
        get => _priority;
        set
        {
            _priority = value;
            if (value == FetchPriority.Demand) _demanded.TrySetResult();
        }
    }

    /// <summary>Timestamp of the first request for it.</summary>
    public long Started { get; } = started;

    /// <summary>From <see cref="Started"/> to the end of the attempts: the longest of those who wait for it.</summary>
    public TimeSpan Deadline { get; private set; } = owner.Deadline;

    /// <summary>First compressed byte.</summary>
    public long Start { get; private set; } = long.MaxValue;

    /// <summary>Behind the last compressed byte.</summary>
    public long End { get; private set; }

    public long DecodedLength { get; private set; }

    /// <summary>Bytes of memory that it takes.</summary>
    public long Cost => End - Start + DecodedLength;

    /// <summary>What <see cref="Cost"/> was when it started; 0 while queued.</summary>
    public long Charged { get; set; }

    public bool IsQueued { get; set; }

    public int Attempts { get; set; }

    /// <summary>The image that it is for.</summary>
    public ImageActivity Image => Owner.Activity;

    /// <summary>Timestamp of the last start.</summary>
    public long AskedAt { get; set; }

    /// <summary>Whom the last start asked.</summary>
    public SourceChoice Asked => _choice;

    /// <summary>Whom it may ask; another set at most with another round.</summary>
    public SourceSet Sources { get; private set; } = owner.Sources;

    /// <summary>Sources that were not asked in this round.</summary>
    public int Untried => Sources.Count - BitOperations.PopCount(Tried);

    /// <summary>Bit i: source i was asked in this round.</summary>
    public ulong Tried { get; set; }

    /// <summary>Nobody else is left to be asked now or later.</summary>
    public bool IsLastChance => _isSecondRound && Untried == 1;

    /// <summary>How soon one of the sources asked in this round may deliver after all; null: none will.</summary>
    public TimeSpan? MayPassIn { get; private set; }

    /// <summary>Why it is fetched: of the causes of its units the most urgent.</summary>
    public FetchCause Cause { get; private set; }

    /// <summary>A source delivered something that did not decode or had another digest.</summary>
    public bool HadWrongBytes { get; private set; }

    public bool HasFaults => _faults.Count != 0;

    /// <summary>What went wrong the last time, if anything did. At any time, from any thread.</summary>
    public string? LastFault => _lastFault;

    /// <summary>Somebody with this deadline waits, too.</summary>
    public void Extend(TimeSpan deadline)
    {
        if (deadline > Deadline) Deadline = deadline;
    }

    public void AddUnit(int unit, FetchCause cause)
    {
        int index = Units.BinarySearch(unit);
        if (index >= 0) return;
        Units.Insert(~index, unit);
        _causes.Insert(~index, cause);
        if (Units.Count == 1 || cause < Cause) Cause = cause;
        FetchUnit extent = Owner.Format.GetUnit(unit);
        Start = Math.Min(Start, extent.CompressedOffset);
        End = Math.Max(End, extent.CompressedEnd);
        DecodedLength += extent.DecodedLength;
    }

    /// <summary>All sources may be asked again.</summary>
    public void StartRound() => (Sources, Tried, _onceMore, _isSecondRound, MayPassIn) = (Owner.Sources, 0, 0, false, null);

    /// <summary>Those that gave wrong bytes or no answer may be asked once more, after all others. False if that has been, or there are none.</summary>
    public bool TryStartSecondRound()
    {
        if (_isSecondRound || _onceMore == 0) return false;
        (Tried, _onceMore, _isSecondRound) = (Tried & ~_onceMore, 0, true);
        return true;
    }

    /// <summary>By the fetcher, before <see cref="Execute"/>.</summary>
    public void Prepare(SourceChoice choice, TimeSpan limit) => (_choice, _limit) = (choice, limit);

    public override void Execute() => _ = RunAsync();

    /// <summary>Something that happens again and again is told once.</summary>
    public void AddFault(string text)
    {
        if (_faults.Count == 0 || _faults[^1] != text) _faults.Add(text);
        _lastFault = text;
    }

    /// <summary>The line that an operator reads: blob, unit, sources and what each did.</summary>
    public string Describe(string outcome)
    {
        string units = Units.Count == 0 ? $"bytes {Start}..{End - 1}" : $"unit {Units[0]} (bytes {Owner.Format.GetUnit(Units[0]).CompressedOffset}..{Owner.Format.GetUnit(Units[0]).CompressedEnd - 1})";
        return $"blob {Owner.Format.Blob}, {units}: {outcome}: {string.Join("; ", _faults)}";
    }

    protected override void OnReleased() => fetcher.ReturnMemory(Charged);

    private async Task RunAsync()
    {
        _isAsked = false;
        try
        {
            await AttemptAsync();
        }
        catch (Exception e)
        {
            if (!_isAsked) _choice.Place.Leave();
            AddFault($"{_choice.Source.Name}: {e.GetType().Name}: {e.Message}");
        }

        fetcher.FinishAttempt(this);
    }

    private async Task AttemptAsync()
    {
        long start = long.MaxValue;
        long end = 0;
        int decodedLength = 0;
        foreach (int unit in Units)
        {
            FetchUnit extent = Owner.Format.GetUnit(unit);
            start = Math.Min(start, extent.CompressedOffset);
            end = Math.Max(end, extent.CompressedEnd);
            decodedLength = checked(decodedLength + extent.DecodedLength);
        }

        int length = checked((int)(end - start));
        if (await AskAsync(start, length) is not { } answer) return;
        SourceChoice from = answer.Choice;
        try
        {
            Count(from.Source.Name, length);
            await OpenInTurnAsync(answer, start, decodedLength);
            if (Units.Count == 0) return;
            fetcher.Counters.Source(from.Source.Name).Failed(SourceFailure.Wrong);
            from.Place.Distrust(Owner.Format.Blob);
            _onceMore |= 1UL << from.Index;
        }
        finally
        {
            FetchBuffers.Pool.Return(answer.Buffer);
        }
    }

    /// <summary>Asks the chosen source and, when that takes long, a second one as well; the first answer counts. Null: neither delivered.</summary>
    private async Task<SourceRequest?> AskAsync(long start, int length)
    {
        SourceRequest first = new(this, fetcher, _choice, start, length, _limit, isHedge: false);
        _isAsked = true;
        if (!await IsLateAsync(first, length)) return await Settle(first);
        while (fetcher.ChooseHedge(this, length) is { } choice)
        {
            SourceRequest second = new(this, fetcher, choice, start, length, _limit, isHedge: true);
            await Task.WhenAny(first.Done, second.Done);
            (SourceRequest one, SourceRequest other) = first.Done.IsCompleted ? (first, second) : (second, first);
            if (await Settle(one) is not null)
            {
                other.Leave();
                if (one == second) OnOvertaken(choice);
                return one;
            }

            if (one == first) return await Settle(second);
            if (Untried == 0) break;
        }

        return await Settle(first);

        async Task<SourceRequest?> Settle(SourceRequest request)
        {
            if (await request.Done) return request;
            if (request.WasSilent) _onceMore |= 1UL << request.Choice.Index;
            if (request.MayPassIn is { } pause && !(MayPassIn < pause)) MayPassIn = pause;
            AddFault(request.Fault);
            return null;
        }
    }

    private void OnOvertaken(SourceChoice by)
    {
        fetcher.Counters.Source(by.Source.Name).HedgeWon();
        if (by.Place != _choice.Place) _choice.Place.Lagged();
    }

    /// <summary>True if a second request may help: the first is still under way when nearly all others would be over.</summary>
    private async Task<bool> IsLateAsync(SourceRequest request, int length)
    {
        if (Priority != FetchPriority.Demand || fetcher.HedgeAfter(_choice.Place, length) is not { } patience || patience >= _limit) return false;
        try
        {
            await request.Done.WaitAsync(patience, fetcher.Options.Time);
            return false;
        }
        catch (TimeoutException)
        {
            return true;
        }
    }

    /// <summary>Gaps between units belong to nobody: they came along.</summary>
    private void Count(string source, int length)
    {
        fetcher.Counters.Fetched(length);
        SourceTotals totals = fetcher.Counters.Source(source);
        long gaps = length;
        for (int index = 0; index < Units.Count; index++)
        {
            long bytes = Math.Min(Owner.Format.GetUnit(Units[index]).CompressedLength, gaps); // units may overlap
            gaps -= bytes;
            Add(_causes[index], bytes);
        }

        if (gaps > 0) Add(FetchCause.Neighbours, gaps);

        void Add(FetchCause cause, long bytes)
        {
            totals.Add(cause, bytes);
            Owner.Activity.Fetched(cause, source, bytes);
        }
    }

    /// <summary>What nobody waits for has its turn among its like; as soon as somebody does, it is opened here.</summary>
    private async Task OpenInTurnAsync(SourceRequest answer, long start, int decodedLength)
    {
        int claims = 0;
        if (Priority != FetchPriority.Demand)
        {
            Task turn = fetcher.Patient.RunAsync(() =>
            {
                if (Claim()) Open();
            });
            if (await Task.WhenAny(turn, _demanded.Task) == turn || !Claim())
            {
                await turn;
                return;
            }
        }

        Open();

        bool Claim() => Interlocked.Increment(ref claims) == 1;

        void Open()
        {
            long began = fetcher.Options.Time.GetTimestamp();
            OpenUnits(answer, start, decodedLength);
            Owner.Activity.Decoded(fetcher.Options.Time.GetElapsedTime(began));
        }
    }

    /// <summary>Decodes, verifies and stores what came; the units that are wrong stay in <see cref="Units"/>.</summary>
    private void OpenUnits(SourceRequest answer, long start, int decodedLength)
    {
        byte[] decoded = FetchBuffers.Pool.Rent(decodedLength);
        Keep(decoded);
        UnitOpening[] openings = new UnitOpening[Units.Count];
        int position = 0;
        for (int index = 0; index < openings.Length; index++)
        {
            FetchUnit extent = Owner.Format.GetUnit(Units[index]);
            openings[index] = new UnitOpening(this, fetcher, Units[index], answer.Buffer, (int)(extent.CompressedOffset - start), decoded, position);
            position += extent.DecodedLength;
        }

        // Somebody waits for a demand fetch; everything else leaves the other cores to the container.
        if (Priority == FetchPriority.Demand && decodedLength >= fetcher.Options.ParallelDecode) Parallel.ForEach(openings, opening => opening.Run());
        else Array.ForEach(openings, opening => opening.Run());

        Origin = answer.Choice.Source.Name;
        int kept = 0;
        foreach (UnitOpening opening in openings)
        {
            foreach ((int number, int offset, int length) in opening.Chunks) Add(number, decoded, offset, length);
            if (opening.Fault is null)
            {
                Units.RemoveAt(kept);
                _causes.RemoveAt(kept);
                continue;
            }

            fetcher.Counters.WrongUnit();
            Owner.Activity.WrongUnit();
            HadWrongBytes = true;
            AddFault($"{answer.Choice.Source.Name}: unit {opening.Unit}: {opening.Fault}");
            kept++;
        }
    }
}
