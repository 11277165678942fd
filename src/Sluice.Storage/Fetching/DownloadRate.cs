namespace Sluice.Storage.Fetching;

/// <summary>How fast downloads of a kind that nobody waits for may go, all together. All members may be called concurrently.</summary>
/// <param name="bytesPerSecond">As it is now; 0: no bound.</param>
public sealed class DownloadRate(Func<long> bytesPerSecond, TimeProvider? time = null)
{
    private readonly TimeProvider _time = time ?? TimeProvider.System;
    private readonly Lock _gate = new();
    private long _free; // timestamp from which on more may be taken

    /// <summary>Waits until what was taken before has had its time.</summary>
    public Task TakeAsync(long bytes, CancellationToken cancellation)
    {
        long rate = bytesPerSecond();
        if (rate == 0) return Task.CompletedTask;
        TimeSpan wait;
        lock (_gate)
        {
            long now = _time.GetTimestamp();
            wait = _free > now ? _time.GetElapsedTime(now, _free) : TimeSpan.Zero;
            _free = Math.Max(_free, now) + (long)((double)bytes / rate * _time.TimestampFrequency);
        }

        return wait == TimeSpan.Zero ? Task.CompletedTask : Task.Delay(wait, _time, cancellation);
    }
}
