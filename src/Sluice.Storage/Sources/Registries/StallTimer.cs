namespace Sluice.Storage.Sources.Registries;

/// <summary>Cancels a transfer that makes no progress. One transfer, one timer.</summary>
internal sealed class StallTimer : IDisposable
{
    /// <summary>So many bytes must arrive within the limit, so that a drip is a stall, too.</summary>
    public const int Progress = 16 << 10;

    private readonly TimeSpan _limit;
    private readonly CancellationTokenSource _timer;
    private readonly CancellationTokenSource _linked;
    private readonly CancellationToken _caller;
    private long _sinceRestart;

    public StallTimer(TimeSpan limit, TimeProvider time, CancellationToken caller)
    {
        _limit = limit;
        _caller = caller;
        _timer = new CancellationTokenSource(limit, time);
        _linked = CancellationTokenSource.CreateLinkedTokenSource(_timer.Token, caller);
    }

    public CancellationToken Token => _linked.Token;

    public TimeSpan Limit => _limit;

    /// <summary>True if the limit passed, and not the caller gave up.</summary>
    public bool Expired => _timer.IsCancellationRequested && !_caller.IsCancellationRequested;

    /// <param name="times">How many times the limit the next step may take.</param>
    public void Restart(int times = 1) => _timer.CancelAfter(_limit * times);

    /// <summary>Stops the clock while nobody waits.</summary>
    public void Pause() => _timer.CancelAfter(Timeout.InfiniteTimeSpan);

    /// <summary>Ends the transfer at once.</summary>
    public void Cancel() => _timer.Cancel();

    public void Advance(int bytes)
    {
        _sinceRestart += bytes;
        if (_sinceRestart < Progress) return;
        _sinceRestart = 0;
        Restart();
    }

    public void Dispose()
    {
        _linked.Dispose();
        _timer.Dispose();
    }
}
