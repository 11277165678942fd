namespace Sluice.Storage.Fetching;

/// <summary>How fast downloads in the background may go, all together. All members may be called concurrently.</summary>
public sealed class DownloadRate(TimeProvider? time = null)
{
    private readonly TimeProvider _time = time ?? TimeProvider.System;
    private readonly Lock _gate = new();
    private long _free; // timestamp from which on more may be taken
    private long _bytesPerSecond;

    /// <summary>0: no bound.</summary>
    public long BytesPerSecond
    {
        get => Volatile.Read(ref _bytesPerSecond);
        set => Volatile.Write(ref _bytesPerSecond, value);
    }

    /// <summary>Waits until what was taken before has had its time.</summary>
    public Task TakeAsync(long bytes, CancellationToken cancellation)
    {
        long rate = BytesPerSecond;
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
