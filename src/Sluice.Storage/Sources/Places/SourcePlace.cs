using Sluice.Formats.Oci;

namespace Sluice.Storage.Sources.Places;

/// <summary>
/// A place that delivers blobs (a mirror, a registry, a bucket, a directory), as everybody in the process knows it: how it does, how
/// fast it is, which blobs it got wrong, and when it may be asked next. One for all images and purposes, so that one reader's bad
/// luck is the next one's good sense. All members may be called concurrently.
/// </summary>
/// <remarks>
/// A failure that may pass is the place's: it rests, asked only when nobody else is left. Rests grow; after one, a single request tries it. A
/// failure that will not pass (no such blob, no right to it) is the blob's, and whoever reads it remembers. Wrong bytes are the place's and
/// the blob's: it is asked for this blob last, and for others as before.
/// </remarks>
public sealed class SourcePlace
{
    // Requests of which another place had to take over, in a row, before the place counts as failed.
    private const int MostLags = 3;

    private const int MostDistrusted = 4096;

    // Short requests measure the round trip, long ones the line.
    private const int ShortRequest = 256 << 10;

    // Of a speed, at each request that is slower.
    private const double SpeedMemory = 0.95;

    private readonly Lock _gate = new();
    private PlaceOptions _options;
    private readonly RequestBudget _budget;
    private readonly LatencyWindow _short = new();
    private readonly LatencyWindow _long = new();
    private readonly Dictionary<Digest, long> _distrusted = [];
    private int _running;
    private int _failures;
    private int _lags;
    private bool _probing;
    private bool _isUrgent;
    private double _speed;
    private long _asked = long.MinValue;
    private long _restUntil = long.MinValue;

    public SourcePlace(string name, PlaceOptions options)
    {
        (Name, _options) = (name, options);
        _budget = new RequestBudget(options.RequestsPerSecond, options.Time);
    }

    public string Name { get; }

    /// <summary>Requests of the read path that it is working on.</summary>
    public int Running => Volatile.Read(ref _running);

    /// <summary>True if others should be asked first.</summary>
    public bool IsResting
    {
        get
        {
            lock (_gate) return Rests();
        }
    }

    public PlaceHealth Health
    {
        get
        {
            lock (_gate)
            {
                long now = Now;
                TimeSpan pause = _budget.PauseLeft();
                PlaceState state = pause > TimeSpan.Zero ? PlaceState.HeldBack : Rests() ? PlaceState.Resting : PlaceState.Healthy;
                TimeSpan left = state switch
                {
                    PlaceState.HeldBack => pause,
                    PlaceState.Resting => _options.Time.GetElapsedTime(now, _restUntil),
                    _ => TimeSpan.Zero,
                };
                return new PlaceHealth(Name, state, _failures, left, Running, _short.Slow(), _distrusted.Values.Count(until => until > now), _budget.Pauses, _budget.Paused - pause);
            }
        }
    }

    /// <summary>Rate and rests are others from now on.</summary>
    public void Apply(PlaceOptions options)
    {
        lock (_gate)
        {
            _options = options with { Time = _options.Time };
            _budget.Allow(options.RequestsPerSecond);
        }
    }

    private long Now => _options.Time.GetTimestamp();

    /// <summary>How long until it may be asked; zero: now.</summary>
    public TimeSpan Wait()
    {
        lock (_gate) return _budget.Wait();
    }

    /// <summary>Counts a request that begins, unless it is too early for one.</summary>
    /// <param name="wait">How much too early.</param>
    public bool TryAsk(out TimeSpan wait)
    {
        lock (_gate)
        {
            wait = _budget.Wait();
            if (wait > TimeSpan.Zero) return false;
            _budget.Take();
            _asked = Now;
            if (_failures > 0 && !Rests()) (_restUntil, _probing) = (After(_options.Probe), true);
            return true;
        }
    }

    /// <summary>Counts a request of a read that can't wait for the end of a pause, unless there was one just now.</summary>
    /// <inheritdoc cref="TryAsk"/>
    public bool TryAskUrgently(out TimeSpan wait)
    {
        lock (_gate)
        {
            wait = _asked == long.MinValue ? TimeSpan.Zero : _options.UrgentInterval - _options.Time.GetElapsedTime(_asked);
            if (wait > TimeSpan.Zero) return false;
            (_asked, _isUrgent) = (Now, true);
            return true;
        }
    }

    /// <summary>A request was answered. What rested is healthy again.</summary>
    public void Delivered(int bytes, TimeSpan duration)
    {
        lock (_gate)
        {
            Recover();
            if (_isUrgent) _budget.Resume();
            (bytes <= ShortRequest ? _short : _long).Add(duration);

            // What runs side by side shares the line; the best of late is what the line can.
            if (bytes > ShortRequest && duration > TimeSpan.Zero) _speed = Math.Max(_speed * SpeedMemory, bytes / duration.TotalSeconds * Math.Max(Running, 1));
        }
    }

    /// <summary>Bytes a second that came over the line at its best lately, as long requests tell; null: there were none.</summary>
    public double? Speed
    {
        get
        {
            lock (_gate) return _speed > 0 ? _speed : null;
        }
    }

    /// <summary>It answered something that was not asked of the read path: what rested is healthy again.</summary>
    public void Answered()
    {
        lock (_gate) Recover();
    }

    /// <summary>A request failed in a way that may pass: the place is away, overloaded or silent.</summary>
    public void Failed()
    {
        lock (_gate)
        {
            // What was under way together fails together: that is one failure.
            if (Rests() && !_probing) return;
            _failures++;
            (_lags, _probing) = (0, false);
            double rest = _options.FirstRest.TotalSeconds * Math.Pow(2, Math.Min(_failures - 1, 20));
            _restUntil = After(TimeSpan.FromSeconds(Math.Min(rest, _options.LongestRest.TotalSeconds)));
        }
    }

    /// <summary>Another place, asked later, was there first. A few times in a row is a failure.</summary>
    public void Lagged()
    {
        lock (_gate)
        {
            if (++_lags < MostLags) return;
        }

        Failed();
    }

    /// <summary>It asked for a pause, for everybody.</summary>
    public void HoldBack(TimeSpan pause)
    {
        lock (_gate)
        {
            _isUrgent = false;
            _budget.Pause(pause < _options.LongestPause ? pause : _options.LongestPause);
        }
    }

    /// <summary>It delivered wrong bytes of a blob.</summary>
    public void Distrust(Digest blob)
    {
        lock (_gate)
        {
            if (_distrusted.Count >= MostDistrusted) _distrusted.Clear();
            _distrusted[blob] = After(_options.Distrust);
        }
    }

    /// <summary>True if it delivered wrong bytes of a blob lately: others should be asked for it first.</summary>
    public bool Distrusts(Digest blob)
    {
        lock (_gate) return _distrusted.Count > 0 && _distrusted.TryGetValue(blob, out long until) && until > Now;
    }

    /// <summary>95 of 100 requests of this size took no longer lately; null: too few to say.</summary>
    public TimeSpan? Latency(int bytes)
    {
        lock (_gate) return (bytes <= ShortRequest ? _short : _long).Slow();
    }

    internal void Enter() => Interlocked.Increment(ref _running);

    internal void Leave() => Interlocked.Decrement(ref _running);

    private void Recover() => (_failures, _lags, _probing, _restUntil) = (0, 0, false, long.MinValue);

    private bool Rests() => _restUntil > Now;

    private long After(TimeSpan duration) => Now + (long)(duration.TotalSeconds * _options.Time.TimestampFrequency);
}
