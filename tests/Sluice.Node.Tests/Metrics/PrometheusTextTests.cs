using System.Text;
using Sluice.Node.Metrics;

namespace Sluice.Node.Tests.Metrics;

public sealed class PrometheusTextTests
{
    [Fact]
    public void ValuesLabelsAndClassesAreWrittenAsPrometheusReadsThem() => Assert.Equal(
        """
        # HELP sluice_keeper_up 1 if a keeper answers, so that containers survive the daemon's death.
        # TYPE sluice_keeper_up gauge
        sluice_keeper_up 1
        # HELP sluice_read_hits_total Reads answered from local, verified bytes.
        # TYPE sluice_read_hits_total counter
        sluice_read_hits_total 9007199254740991
        # HELP sluice_fetch_duration_seconds How long answered requests to a source took.
        # TYPE sluice_fetch_duration_seconds histogram
        sluice_fetch_duration_seconds_bucket{source="registry \"r\\x\"\n",le="0.005"} 2
        sluice_fetch_duration_seconds_bucket{source="registry \"r\\x\"\n",le="2.5"} 2
        sluice_fetch_duration_seconds_bucket{source="registry \"r\\x\"\n",le="+Inf"} 3
        sluice_fetch_duration_seconds_sum{source="registry \"r\\x\"\n"} 3.25
        sluice_fetch_duration_seconds_count{source="registry \"r\\x\"\n"} 3
        # HELP sluice_fetched_bytes_total Compressed bytes that sources delivered, by what they were wanted for.
        # TYPE sluice_fetched_bytes_total counter
        sluice_fetched_bytes_total{source="registry r",cause="demand"} 12
        sluice_fetched_bytes_total{source="registry r",cause="read_ahead"} 0

        """,
        Encoding.UTF8.GetString(PrometheusText.Write(Readings.Small())));
}
