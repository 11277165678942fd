namespace Sluice.Node.Explain;

/// <summary>Sums of time in which at least one of several things went on.</summary>
internal static class Intervals
{
    /// <summary>Length of the union. In any order.</summary>
    public static TimeSpan Union(IEnumerable<(TimeSpan From, TimeSpan To)> intervals)
    {
        (TimeSpan sum, TimeSpan covered) = (TimeSpan.Zero, TimeSpan.MinValue);
        foreach ((TimeSpan from, TimeSpan to) in intervals.OrderBy(interval => interval.From))
        {
            if (to <= covered) continue;
            sum += to - (from > covered ? from : covered);
            covered = to;
        }

        return sum;
    }
}
