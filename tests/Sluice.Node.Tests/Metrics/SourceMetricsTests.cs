using System.Text;
using Sluice.Node.Metrics;
using Sluice.Storage.Activity;
using Sluice.Storage.Fetching;
using Sluice.Storage.Sources.Places;

namespace Sluice.Node.Tests.Metrics;

public sealed class SourceMetricsTests
{
    [Fact]
    public void StatePausesAndDistrustAreThoseOfThePlace()
    {
        var place = new SourcePlace("registry r", new PlaceOptions());
        place.Failed();
        Assert.Contains("sluice_source_state{source=\"registry r\",state=\"resting\"} 1\n", Text(place), StringComparison.Ordinal);
        place.HoldBack(TimeSpan.FromMinutes(1));
        place.Distrust(default);
        string text = Text(place);
        foreach (string line in (string[])["state{source=\"registry r\",state=\"healthy\"} 0", "state{source=\"registry r\",state=\"held_back\"} 1", "pauses_total{source=\"registry r\"} 1", "distrusted_blobs{source=\"registry r\"} 1"])
            Assert.Contains($"sluice_source_{line}\n", text, StringComparison.Ordinal);
        Assert.Contains("sluice_fetch_failures_total{source=\"registry r\",kind=\"throttled\"} 0\n", text, StringComparison.Ordinal);
    }

    [Fact]
    public void TheSourcesBeyondTheFirstAreOneTogether()
    {
        SourcePlace[] places = [.. Enumerable.Range(0, SourceMetrics.MostSources + 2).Select(number => new SourcePlace($"registry {number:00}", new PlaceOptions()))];
        string text = Text(places);
        Assert.Contains("sluice_source_state{source=\"registry 31\",state=\"healthy\"} 1\n", text, StringComparison.Ordinal);
        Assert.DoesNotContain("registry 32", text, StringComparison.Ordinal);
        Assert.Contains("sluice_source_state{source=\"other\",state=\"healthy\"} 2\n", text, StringComparison.Ordinal);
    }

    private static string Text(params SourcePlace[] places)
    {
        var reading = new MetricReading(DateTimeOffset.UnixEpoch, DateTimeOffset.UnixEpoch);
        SourceMetrics.Add(reading, [.. places.Select(place => new SourceReport(place.Health, new SourceTotals()))]);
        return Encoding.UTF8.GetString(PrometheusText.Write(reading));
    }
}
