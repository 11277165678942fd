namespace Sluice.Storage.Sources.Places;

/// <summary>When the next request may begin: a token bucket, and the pauses that the place asked for. Guarded by its owner.</summary>
/// <param name="perSecond">0: no bound.</param>
internal sealed class RequestBudget(double perSecond, TimeProvider time)
{
    private double _perSecond = perSecond;
    private double _tokens = Math.Max(1, perSecond);
    private long _filled = time.GetTimestamp();
    private long _pausedUntil = long.MinValue;

    public long Pauses { get; private set; }

    /// <summary>How long these pauses are together, <see cref="PauseLeft"/> included.</summary>
    public TimeSpan Paused { get; private set; }

    /// <summary>What is left of the pause that was asked for.</summary>
    public TimeSpan PauseLeft()
    {
        long left = _pausedUntil == long.MinValue ? 0 : _pausedUntil - time.GetTimestamp();
        return left <= 0 ? TimeSpan.Zero : TimeSpan.FromSeconds((double)left / time.TimestampFrequency);
    }

    /// <summary>How long until a request may begin; zero: now.</summary>
    public TimeSpan Wait()
    {
        TimeSpan pause = PauseLeft();
        if (_perSecond <= 0) return pause;
        Fill();
        TimeSpan token = _tokens >= 1 ? TimeSpan.Zero : TimeSpan.FromSeconds((1 - _tokens) / _perSecond);
        return pause > token ? pause : token;
    }

    /// <summary>By a request that begins.</summary>
    public void Take()
    {
        if (_perSecond > 0) _tokens--;
    }

    /// <summary>Another rate from now on.</summary>
    public void Allow(double perSecond)
    {
        if (perSecond == _perSecond) return;
        Fill();
        (_perSecond, _tokens) = (perSecond, Math.Min(_tokens, Math.Max(1, perSecond)));
    }

    /// <summary>Nobody asks for so long. A shorter pause does not end a longer one.</summary>
    public void Pause(TimeSpan duration)
    {
        TimeSpan left = PauseLeft();
        if (left == TimeSpan.Zero) Pauses++;
        if (duration <= left) return;
        Paused += duration - left;
        _pausedUntil = time.GetTimestamp() + (long)Math.Ceiling(duration.TotalSeconds * time.TimestampFrequency);
    }

    /// <summary>Ends a pause before its time.</summary>
    public void Resume()
    {
        Paused -= PauseLeft();
        _pausedUntil = long.MinValue;
    }

    private void Fill()
    {
        long now = time.GetTimestamp();
        _tokens = Math.Min(Math.Max(1, _perSecond), _tokens + (time.GetElapsedTime(_filled, now).TotalSeconds * _perSecond));
        _filled = now;
    }
}
