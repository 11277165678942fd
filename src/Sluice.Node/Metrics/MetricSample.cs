namespace Sluice.Node.Metrics;

/// <summary>One value at the moment of the reading.</summary>
/// <param name="Labels">Values, as many as the family has names.</param>
/// <param name="Value">Of a histogram: the sum of what was observed.</param>
/// <param name="Counts">Of a histogram: observations by class; the last class has no upper bound.</param>
/// <param name="Bounds">Upper bounds of the classes but the last.</param>
internal sealed record MetricSample(IReadOnlyList<string> Labels, double Value, IReadOnlyList<long>? Counts = null, IReadOnlyList<double>? Bounds = null);
