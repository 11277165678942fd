using System.Buffers;
using Sluice.Formats;
using Sluice.Storage.Activity;
using Sluice.Storage.Cache;
using Sluice.Storage.Sources;

namespace Sluice.Storage.Fetching;

/// <summary>
/// One ranged read of a blob and what becomes of it: decode, verify, store. While it is queued it may still grow; what a
/// source delivers wrong or not at all is asked from the next one.
/// </summary>
internal sealed class SourceFetch(BlobReader owner, Fetcher fetcher, FetchPriority priority, long started) : Flight(owner)
{
    /// <summary>How long after the end of its time a source may take to say why it did not deliver.</summary>
    private static readonly TimeSpan Grace = TimeSpan.FromMilliseconds(500);

    private readonly List<string> _faults = [];
    private readonly List<FetchCause> _causes = []; // of the units
    private volatile string? _lastFault;
    private IBlobSource? _source;
    private TimeSpan _limit;

    /// <summary>Units that are still to be fetched, ascending.</summary>
    public List<int> Units { get; } = [];

    public FetchPriority Priority { get; set; } = priority;

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

    /// <summary>Bit i: source i of the owner was asked.</summary>
    public ulong Tried { get; set; }

    /// <summary>The last attempt ended because a source did not deliver, rather than because of what it delivered.</summary>
    public bool SourceRefused { get; private set; }

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
    public void StartRound() => (Tried, MayPassIn) = (0, null);

    /// <summary>By the fetcher, before <see cref="Execute"/>.</summary>
    public void Prepare(IBlobSource source, TimeSpan limit) => (_source, _limit) = (source, limit);

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
        IBlobSource source = _source!;
        try
        {
            SourceRefused = false;
            await AttemptAsync(source);
        }
        catch (Exception e)
        {
            AddFault($"{source.Name}: {e.GetType().Name}: {e.Message}");
        }

        fetcher.FinishAttempt(this, source);
    }

    private async Task AttemptAsync(IBlobSource source)
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
        byte[] compressed = ArrayPool<byte>.Shared.Rent(length);
        if (!await ReadAsync(source, start, compressed, length)) return;
        try
        {
            Count(source.Name, length);
            byte[] decoded = ArrayPool<byte>.Shared.Rent(decodedLength);
            Keep(decoded);
            int position = 0;
            long began = fetcher.Options.Time.GetTimestamp();
            for (int index = 0; index < Units.Count;)
            {
                FetchUnit extent = Owner.Format.GetUnit(Units[index]);
                ReadOnlySpan<byte> content = compressed.AsSpan((int)(extent.CompressedOffset - start), extent.CompressedLength);
                string? fault = Open(Units[index], extent, content, decoded, position);
                position += extent.DecodedLength;
                if (fault is null)
                {
                    Units.RemoveAt(index);
                    _causes.RemoveAt(index);
                    continue;
                }

                fetcher.Counters.WrongUnit();
                Owner.Activity.WrongUnit();
                HadWrongBytes = true;
                AddFault($"{source.Name}: unit {Units[index]}: {fault}");
                index++;
            }

            Owner.Activity.Decoded(fetcher.Options.Time.GetElapsedTime(began));
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(compressed);
        }
    }

    /// <summary>False if the source failed; the buffer has then gone its way.</summary>
    private async Task<bool> ReadAsync(IBlobSource source, long start, byte[] buffer, int length)
    {
        Task? read = null;
        using CancellationTokenSource timeout = new(_limit, fetcher.Options.Time);
        using CancellationTokenRegistration shutdown = fetcher.Shutdown.UnsafeRegister(static state => ((CancellationTokenSource)state!).Cancel(), timeout);
        try
        {
            fetcher.Counters.FetchStarted();
            Owner.Activity.FetchStarted();
            long asked = fetcher.Options.Time.GetTimestamp();
            read = source.ReadAsync(Owner.Format.Blob, start, buffer.AsMemory(0, length), timeout.Token);
            await read.WaitAsync(_limit + Grace, fetcher.Options.Time, fetcher.Shutdown);
            TimeSpan took = fetcher.Options.Time.GetElapsedTime(asked);
            fetcher.Counters.Source(source.Name).Answered(took);
            Owner.Activity.Answered(asked, took, length);
            return true;
        }
        catch (Exception e)
        {
            bool closing = e is OperationCanceledException && fetcher.Shutdown.IsCancellationRequested;
            if (!closing) fetcher.Counters.SourceFailed(source.Name);
            string end = closing ? "on shutdown" : $"after {_limit.TotalSeconds:0.#} s";
            SourceRefused = e is not (OperationCanceledException or TimeoutException);
            if (e is SluiceException { MayPassIn: { } pause } && !(MayPassIn < pause)) MayPassIn = pause;
            AddFault(e switch
            {
                OperationCanceledException { InnerException: SluiceException reason } => $"{reason.Message}, given up {end}",
                OperationCanceledException when closing => $"{source.Name}: given up {end}",
                OperationCanceledException or TimeoutException => $"{source.Name}: no answer within {_limit.TotalSeconds:0.#} s",
                SluiceException => e.Message,
                _ => $"{source.Name}: {e.Message}",
            });
            if (!closing) Owner.Activity.FetchFailed(_faults[^1]);
            Abandon(read, buffer);
            return false;
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

    /// <summary>A source that does not heed its cancellation may still write: its buffer, and the memory account, wait for it.</summary>
    private void Abandon(Task? read, byte[] buffer)
    {
        if (read is null || read.IsCompleted)
        {
            ArrayPool<byte>.Shared.Return(buffer);
            return;
        }

        AddReference();
        _ = read.ContinueWith(
            task =>
            {
                _ = task.Exception;
                ArrayPool<byte>.Shared.Return(buffer);
                Release();
            },
            CancellationToken.None,
            TaskContinuationOptions.ExecuteSynchronously,
            TaskScheduler.Default);
    }

    /// <summary>Decodes, verifies and stores a unit; returns what is wrong with it, or null.</summary>
    private string? Open(int unit, FetchUnit extent, ReadOnlySpan<byte> compressed, byte[] buffer, int position)
    {
        IBlobFormat format = Owner.Format;
        Span<byte> decoded = buffer.AsSpan(position, extent.DecodedLength);
        try
        {
            if (!format.Decode(unit, compressed, decoded)) return "does not decode";
        }
        catch (SluiceException e)
        {
            return $"does not decode: {e.Message}";
        }

        string? fault = null;
        for (int index = 0; index < extent.MemberCount; index++)
        {
            UnitMember member = format.GetMember(unit, index);
            ChunkExtent chunk = format.GetExtent(member.Slot);
            if (Has(chunk.Number)) continue;
            if (member.DecodedOffset < 0 || member.DecodedOffset > extent.DecodedLength - chunk.Length) return $"chunk {chunk.Number} lies outside of its unit";
            ReadOnlySpan<byte> content = decoded.Slice(member.DecodedOffset, chunk.Length);
            if (!format.Verify(member.Slot, content))
            {
                fault = $"chunk {chunk.Number} has the wrong digest";
                continue;
            }

            fetcher.Counters.Decoded(chunk.Length);
            if (!Owner.Cache.Store(chunk, content)) fetcher.Counters.NotStored();
            Add(chunk.Number, buffer, position + member.DecodedOffset, chunk.Length);
        }

        return fault;
    }
}
