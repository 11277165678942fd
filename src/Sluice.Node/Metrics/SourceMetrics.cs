using Sluice.Storage.Activity;
using Sluice.Storage.Fetching;
using Sluice.Storage.Sources.Places;

namespace Sluice.Node.Metrics;

/// <summary>What is known of each source, as metrics.</summary>
internal static class SourceMetrics
{
    /// <summary>Sources that have labels of their own; the others are the source <c>other</c> together.</summary>
    public const int MostSources = 32;

    private const string Other = "other";

    /// <param name="sources">By name, so that a source keeps its label while others come.</param>
    public static void Add(MetricReading reading, IReadOnlyList<SourceReport> sources)
    {
        foreach (SourceReport source in sources.Take(MostSources)) Add(reading, source.Health.Name, [source]);
        if (sources.Count > MostSources) Add(reading, Other, [.. sources.Skip(MostSources)]);
    }

    private static void Add(MetricReading reading, string name, SourceReport[] sources)
    {
        long[] latencies = new long[SourceTotals.Bounds.Length + 1];
        foreach (SourceReport source in sources)
        {
            long[] counts = source.Totals.Latencies();
            for (int index = 0; index < counts.Length; index++) latencies[index] += counts[index];
        }

        reading.Add(MetricFamilies.FetchDuration, TimeSpan.FromTicks(sources.Sum(source => source.Totals.LatencySum.Ticks)), latencies, SourceTotals.Bounds, name);
        foreach (SourceFailure kind in SourceFailures.All) reading.Add(MetricFamilies.FetchFailures, sources.Sum(source => source.Totals.FailuresOf(kind)), name, kind.Name());
        reading.Add(MetricFamilies.FetchHedges, sources.Sum(source => source.Totals.Hedges), name);
        reading.Add(MetricFamilies.FetchHedgesWon, sources.Sum(source => source.Totals.HedgesWon), name);
        foreach (FetchCause cause in FetchCauses.All) reading.Add(MetricFamilies.FetchedBytes, sources.Sum(source => source.Totals.Bytes(cause)), name, cause.Name());
        foreach (PlaceState state in PlaceStates.All) reading.Add(MetricFamilies.SourceState, sources.Count(source => source.Health.State == state), name, state.Name());
        reading.Add(MetricFamilies.SourceRunning, sources.Sum(source => source.Health.Running), name);
        reading.Add(MetricFamilies.SourceDistrusted, sources.Sum(source => source.Health.Distrusted), name);
        reading.Add(MetricFamilies.SourcePauses, sources.Sum(source => source.Health.Pauses), name);
        reading.Add(MetricFamilies.SourcePaused, sources.Sum(source => source.Health.Paused.TotalSeconds), name);
    }
}
