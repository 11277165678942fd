namespace Sluice.Node.Metrics;

/// <summary>All values at one moment, by family, in the order in which the families are listed.</summary>
/// <param name="start">When the counters were zero.</param>
/// <param name="at">The moment.</param>
internal sealed class MetricReading(DateTimeOffset start, DateTimeOffset at)
{
    private readonly Dictionary<MetricFamily, List<MetricSample>> _samples = [];

    public DateTimeOffset Start => start;

    public DateTimeOffset At => at;

    public IEnumerable<(MetricFamily Family, IReadOnlyList<MetricSample> Samples)> Families =>
        MetricFamilies.All.Where(_samples.ContainsKey).Select(family => (family, (IReadOnlyList<MetricSample>)_samples[family]));

    public void Add(MetricFamily family, double value, params string[] labels) => SamplesOf(family).Add(new MetricSample(labels, value));

    public void Add(MetricFamily family, TimeSpan sum, long[] counts, double[] bounds, params string[] labels) =>
        SamplesOf(family).Add(new MetricSample(labels, sum.TotalSeconds, counts, bounds));

    private List<MetricSample> SamplesOf(MetricFamily family)
    {
        if (!_samples.TryGetValue(family, out List<MetricSample>? samples)) _samples[family] = samples = [];
        return samples;
    }
}
