using Sluice.Node.Metrics;

namespace Sluice.Node.Tests.Metrics;

/// <summary>A reading with one family of each kind, and a label that needs escapes.</summary>
internal static class Readings
{
    public static readonly DateTimeOffset Start = DateTimeOffset.UnixEpoch.AddSeconds(1000);

    public static MetricReading Small()
    {
        var reading = new MetricReading(Start, Start.AddSeconds(2.5));
        reading.Add(MetricFamilies.KeeperUp, 1);
        reading.Add(MetricFamilies.ReadHits, 9_007_199_254_740_991);
        reading.Add(MetricFamilies.FetchDuration, TimeSpan.FromSeconds(3.25), [2, 0, 1], [0.005, 2.5], "registry \"r\\x\"\n");
        reading.Add(MetricFamilies.FetchedBytes, 12, "registry r", "demand");
        reading.Add(MetricFamilies.FetchedBytes, 0, "registry r", "read_ahead");
        return reading;
    }
}
