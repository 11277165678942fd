namespace Sluice.Storage.Traces;

/// <summary>How long reads have waited, together.</summary>
public static class TraceWaits
{
    /// <summary>The time in which at least one of them waited: they wait side by side. Null: that is not known of one that did.</summary>
    public static TimeSpan? Of(IEnumerable<TraceRead> reads)
    {
        (TimeSpan waited, TimeSpan until) = (TimeSpan.Zero, TimeSpan.Zero);
        foreach (TraceRead read in reads.Where(read => !read.WasHere).OrderBy(read => read.At))
        {
            if (read.Waited is null) return null;
            if (read.Served <= until) continue;
            waited += read.Served - (read.At > until ? read.At : until);
            until = read.Served;
        }

        return waited;
    }
}
