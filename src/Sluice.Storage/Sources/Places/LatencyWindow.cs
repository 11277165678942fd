namespace Sluice.Storage.Sources.Places;

/// <summary>The latest durations of one kind of request, and how long nearly all of them took. Guarded by its owner.</summary>
internal sealed class LatencyWindow
{
    /// <summary>Fewer say nothing about the slowest one in twenty.</summary>
    public const int Least = 20;

    private const int Size = 64;

    private readonly long[] _ticks = new long[Size];
    private int _count;
    private int _next;
    private long _slow = -1;

    public void Add(TimeSpan duration)
    {
        _ticks[_next] = duration.Ticks;
        _next = (_next + 1) % Size;
        _count = Math.Min(_count + 1, Size);
        _slow = -1;
    }

    /// <summary>The 95th percentile; null while there are too few.</summary>
    public TimeSpan? Slow()
    {
        if (_count < Least) return null;
        if (_slow < 0)
        {
            Span<long> sorted = stackalloc long[Size];
            _ticks.AsSpan(0, _count).CopyTo(sorted);
            sorted = sorted[.._count];
            sorted.Sort();
            _slow = sorted[(int)Math.Ceiling(0.95 * _count) - 1];
        }

        return TimeSpan.FromTicks(_slow);
    }
}
