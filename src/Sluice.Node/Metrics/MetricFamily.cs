namespace Sluice.Node.Metrics;

/// <summary>One name in the metrics. See docs/metrics.md, which lists all of them.</summary>
/// <param name="Name">In the manner of Prometheus: unit and, of counters, <c>_total</c> at the end.</param>
/// <param name="Unit">In the manner of OTLP (UCUM): <c>s</c>, <c>By</c>, <c>{read}</c>, <c>1</c>.</param>
/// <param name="Help">One sentence.</param>
/// <param name="Labels">Names of the labels, in the order of their values.</param>
internal sealed record MetricFamily(string Name, MetricKind Kind, string Unit, string Help, params string[] Labels);

internal enum MetricKind
{
    /// <summary>Only grows while the process lives.</summary>
    Counter,

    Gauge,

    Histogram,
}
