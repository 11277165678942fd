namespace Sluice.Storage.Activity;

/// <summary>
/// The first two minutes of a mounted image that is read, one by one: what waited, and for which requests. Memory is bounded: 32 bytes a miss and 12 a request,
/// 90 KiB at most, and nothing for images that nobody reads. Hits don't come here.
/// </summary>
/// <param name="before">What had been done for the image by other starts; its time is when the mount began.</param>
internal sealed class StartActivity(ActivityTotals before, TimeProvider time)
{
    public const int MaxMisses = 2048;
    public const int MaxFetches = 2048;

    /// <summary>How long a start lasts, counted from its first miss.</summary>
    public static readonly TimeSpan Window = TimeSpan.FromMinutes(2);

    private readonly Lock _gate = new();
    private readonly DateTimeOffset _began = before.At;
    private readonly long _zero = time.GetTimestamp();
    private readonly List<string> _disks = [];
    private readonly List<Miss> _misses = [];
    private readonly List<Fetch> _fetches = [];
    private TimeSpan? _first;
    private long _more, _decoding, _failures;
    private string? _lastFailure;
    private ActivityTotals? _after;

    public void Ended(string disk, long offset, int length, long began, TimeSpan waited, bool failed, Func<ActivityTotals> totals)
    {
        lock (_gate)
        {
            if (IsOver(began, totals)) return;
            if (_misses.Count == MaxMisses)
            {
                _more++;
                return;
            }

            int number = _disks.IndexOf(disk);
            if (number < 0)
            {
                number = _disks.Count;
                _disks.Add(disk);
            }

            _misses.Add(new Miss(offset, length, (ushort)number, failed, Microseconds(After(began)), Microseconds(waited)));
        }
    }

    public void Answered(long asked, TimeSpan took, int bytes, Func<ActivityTotals> totals)
    {
        lock (_gate)
        {
            if (_fetches.Count < MaxFetches && !IsOver(asked, totals)) _fetches.Add(new Fetch(Microseconds(After(asked)), Microseconds(took), bytes));
        }
    }

    public void Failed(string reason)
    {
        lock (_gate)
        {
            if (_after is null) (_failures, _lastFailure) = (_failures + 1, reason);
        }
    }

    public void Decoded(TimeSpan took)
    {
        if (_after is null) Interlocked.Add(ref _decoding, took.Ticks);
    }

    /// <param name="now">Of the image.</param>
    public StartRecord Read(ActivityTotals now)
    {
        lock (_gate)
        {
            return new StartRecord(
                _began,
                [.. _misses.Select(miss => new MissRecord(_disks[miss.Disk], miss.Offset, miss.Length, _began + TimeSpan.FromMicroseconds(miss.At), TimeSpan.FromMicroseconds(miss.Waited), miss.Failed))],
                [.. _fetches.Select(fetch => new FetchRecord(TimeSpan.FromMicroseconds(fetch.At), TimeSpan.FromMicroseconds(fetch.Took), fetch.Bytes))],
                _more, TimeSpan.FromTicks(Volatile.Read(ref _decoding)), _failures, _lastFailure, (_after ?? now).Since(before), _after is not null);
        }
    }

    private bool IsOver(long timestamp, Func<ActivityTotals> totals)
    {
        if (_after is not null) return true;
        _first ??= After(timestamp);
        if (After(timestamp) - _first <= Window) return false;
        _after = totals(); // by the first that comes later: until then nothing was added
        return true;
    }

    private TimeSpan After(long timestamp) => time.GetElapsedTime(_zero, Math.Max(timestamp, _zero));

    private static uint Microseconds(TimeSpan span) => (uint)Math.Clamp(span.TotalMicroseconds, 0, uint.MaxValue);

    private readonly record struct Miss(long Offset, int Length, ushort Disk, bool Failed, uint At, uint Waited);

    private readonly record struct Fetch(uint At, uint Took, int Bytes);
}
