using Sluice.Storage.Activity;

namespace Sluice.Storage.Fetching;

/// <summary>
/// Ranges that are fetched before anybody asks for them. So little is under way at a time that whoever waits for something else finds the line free within
/// <see cref="Patience"/>: as much as came in that time lately; or, where the line is long, as much as it takes to fill it, which is found by having twice as much under way as long as that brings more.
/// </summary>
/// <param name="former">Of the same source lately: the line is known from it.</param>
internal sealed class PacedFetches(FetchPriority priority, TimeProvider time, PacedFetches? former = null)
{
    /// <summary>How long a demand read may have to wait behind what was asked for ahead of it.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromMilliseconds(50);

    /// <summary>What a request costs beside the bytes that it brings. It is more (docs/performance.md); but little shall be fetched for nothing.</summary>
    private static readonly TimeSpan RequestCost = TimeSpan.FromMilliseconds(0.5);

    /// <summary>What is to come so soon may as well come now.</summary>
    private static readonly TimeSpan Soon = TimeSpan.FromMilliseconds(250);

    private static readonly TimeSpan Lately = TimeSpan.FromMinutes(1);

    private const double Faster = 1.3;
    private const int NextTry = 8;
    private const long LeastUnderWay = 1 << 20;
    private const long LeastGap = 16 << 10;
    private const long MostGap = 128 << 10;

    private readonly Lock _gate = new();
    private readonly HashSet<Task> _running = [];
    private TaskCompletionSource _room = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private long _underWay, _done, _came, _failed;
    private long _measuredAt = time.GetTimestamp();
    private long _window = LeastUnderWay, _ofWindow, _windowBegan = time.GetTimestamp();
    private double _windowSpeed;
    private int _untilNextTry; // windows
    private double _speed = former?.SpeedLately ?? 0; // bytes a second

    /// <summary>Whom the bytes are counted for.</summary>
    public FetchCause Cause { get; init; } = FetchCauses.CauseOf(priority);

    /// <summary>However fast the line is.</summary>
    public long MostUnderWay { get; init; } = 8 << 20;

    /// <summary>Blob space bytes that have come, and were kept.</summary>
    public long Bytes => Volatile.Read(ref _done);

    /// <summary>Blob space bytes that are asked for and have not come yet.</summary>
    public long UnderWay
    {
        get
        {
            lock (_gate) return _underWay;
        }
    }

    /// <summary>Bytes of a range, at most: of two the second is asked for while the first comes.</summary>
    public long MostOfOne => Limit / 2;

    /// <summary>Bytes that nobody wants are fetched along, up to this, rather than asking twice.</summary>
    public long Gap => Math.Clamp(In(RequestCost), LeastGap, MostGap);

    /// <summary>Bytes that come soon, in whatever order they are asked for.</summary>
    public long Ahead => In(Soon);

    private long Limit => Math.Min(Math.Max(In(Patience), Volatile.Read(ref _window)), MostUnderWay);

    private double Speed
    {
        get
        {
            lock (_gate) return _speed;
        }
    }

    private double SpeedLately
    {
        get
        {
            lock (_gate) return time.GetElapsedTime(_measuredAt) < Lately ? _speed : 0;
        }
    }

    /// <summary>Ranges that could not be had, or kept.</summary>
    public long Failed => Volatile.Read(ref _failed);

    /// <summary>Waits until there is room for a range, begins to fetch it and returns.</summary>
    /// <param name="beginning">Told before it begins.</param>
    /// <param name="others">Waited for when there is room; null: nobody is.</param>
    public async Task BeginAsync(BlobReader reader, long offset, long length, CancellationToken cancellation, Action? beginning = null, Func<Task>? others = null)
    {
        await WaitForRoomAsync(length).WaitAsync(cancellation);
        if (others is not null) await LetPassAsync(others, length);
        beginning?.Invoke();
        Task fetch = FetchAsync(reader, offset, length, cancellation);
        lock (_gate) _running.Add(fetch);
        _ = fetch.ContinueWith(done => { lock (_gate) _running.Remove(done); }, CancellationToken.None, TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);
    }

    /// <summary>Downloads all of an image. Nothing is under way when it ends, cancelled or not. Never faults but by cancellation.</summary>
    /// <param name="beginAll">Begins what a blob lacks; says if that is of no use any more.</param>
    public async Task<DownloadEnd> DownloadAsync(IReadOnlyCollection<BlobReader> readers, Func<BlobReader, Task<DownloadEnd>> beginAll, CancellationToken cancellation)
    {
        DownloadEnd end = DownloadEnd.Complete;
        try
        {
            foreach (BlobReader reader in readers)
            {
                end = await beginAll(reader);
                if (end != DownloadEnd.Complete) break;
            }
        }
        finally
        {
            await DrainAsync();
        }

        cancellation.ThrowIfCancellationRequested();
        if (readers.Any(reader => reader.IsDisposed)) return DownloadEnd.Closed;
        return Failed > 0 ? DownloadEnd.Failed : end;
    }

    /// <summary>Ends when nothing is under way any more.</summary>
    public Task DrainAsync()
    {
        lock (_gate) return Task.WhenAll(_running.ToArray());
    }

    /// <summary>The line is not measured meanwhile, if nothing else is under way.</summary>
    private async Task LetPassAsync(Func<Task> others, long length)
    {
        bool passed = false;
        try
        {
            await others();
            passed = true;
        }
        finally
        {
            lock (_gate)
            {
                if (!passed) _underWay -= length;
                else if (_underWay == length) BeginWindow();
            }
        }
    }

    private async Task WaitForRoomAsync(long length)
    {
        while (true)
        {
            Task room;
            lock (_gate)
            {
                if (_underWay == 0 || _underWay + length <= Limit)
                {
                    if (_underWay == 0) BeginWindow();
                    _underWay += length;
                    return;
                }

                room = _room.Task;
            }

            await room;
        }
    }

    private async Task FetchAsync(BlobReader reader, long offset, long length, CancellationToken cancellation)
    {
        long began = time.GetTimestamp();
        long missing = reader.MissingIn(offset, length).Sum(chunk => (long)chunk.Length), before = Volatile.Read(ref _came);
        bool came = false;
        try
        {
            came = await reader.PrefetchAsync(offset, length, priority, cancellation, Cause) && reader.Holds(offset, length);
        }
        catch (OperationCanceledException)
        {
            // Whoever cancelled knows.
        }

        TaskCompletionSource room;
        lock (_gate)
        {
            _underWay -= length;
            if (came) _done += length;
            else _failed++;

            // What came while this was under way, itself included: the speed of the line, not of the request. What was here says nothing.
            if (came && missing > 0)
            {
                _came += missing;
                double seconds = Math.Max(time.GetElapsedTime(began).TotalSeconds, 0.001);
                _speed = Math.Max(_speed * 0.9, (_came - before) / seconds);
                _measuredAt = time.GetTimestamp();
                Widen(missing);
            }

            (room, _room) = (_room, new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously));
        }

        room.SetResult();
    }

    /// <summary>Another window's worth has come? If that was clearly faster than with half of it, the line was not full; else half of it is enough, until it is tried again.</summary>
    private void Widen(long came)
    {
        _ofWindow += came;
        if (_ofWindow < _window) return;
        double speed = _ofWindow / Math.Max(time.GetElapsedTime(_windowBegan).TotalSeconds, 0.001);
        bool isTried = _untilNextTry == 0, tryMore = isTried ? speed > _windowSpeed * Faster : --_untilNextTry == 0;
        if (tryMore) _window = Math.Min(2 * _window, MostUnderWay);
        else if (isTried) (_window, _untilNextTry) = (Math.Max(_window / 2, LeastUnderWay), NextTry);
        _windowSpeed = speed;
        BeginWindow();
    }

    private void BeginWindow() => (_ofWindow, _windowBegan) = (0, time.GetTimestamp());

    private long In(TimeSpan time) => (long)(Speed * time.TotalSeconds);
}
