namespace Sluice.Storage.Activity;

/// <summary>Durations by class. Counting is two interlocked additions; all members may be called concurrently.</summary>
public sealed class LatencyHistogram
{
    private readonly long[] _counts = new long[SourceTotals.Bounds.Length + 1];
    private long _ticks;

    /// <summary>All durations together.</summary>
    public TimeSpan Sum => TimeSpan.FromTicks(Volatile.Read(ref _ticks));

    /// <summary>By class, whose upper bounds are <see cref="SourceTotals.Bounds"/>; the last class has none.</summary>
    public long[] Counts() => [.. _counts.Select((_, index) => Volatile.Read(ref _counts[index]))];

    internal void Add(TimeSpan duration)
    {
        int index = 0;
        while (index < SourceTotals.Bounds.Length && duration.TotalSeconds > SourceTotals.Bounds[index]) index++;
        Interlocked.Increment(ref _counts[index]);
        Interlocked.Add(ref _ticks, duration.Ticks);
    }
}
