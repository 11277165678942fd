using System.Globalization;
using System.Text;

namespace Sluice.Node.Metrics;

/// <summary>Writes a reading in Prometheus' text format, version 0.0.4: https://prometheus.io/docs/instrumenting/exposition_formats/.</summary>
internal static class PrometheusText
{
    public const string ContentType = "text/plain; version=0.0.4; charset=utf-8";

    public static byte[] Write(MetricReading reading)
    {
        var text = new StringBuilder();
        foreach ((MetricFamily family, IReadOnlyList<MetricSample> samples) in reading.Families)
        {
            text.Append("# HELP ").Append(family.Name).Append(' ').Append(family.Help).Append('\n');
            text.Append("# TYPE ").Append(family.Name).Append(' ').Append(TypeOf(family.Kind)).Append('\n');
            foreach (MetricSample sample in samples)
            {
                if (sample.Counts is null) Line(text, family.Name, family, sample, null, sample.Value);
                else Histogram(text, family, sample);
            }
        }

        return Encoding.UTF8.GetBytes(text.ToString());
    }

    /// <summary>Each class counts those below it, too.</summary>
    private static void Histogram(StringBuilder text, MetricFamily family, MetricSample sample)
    {
        long below = 0;
        for (int index = 0; index < sample.Counts!.Count; index++)
        {
            below += sample.Counts[index];
            Line(text, family.Name + "_bucket", family, sample, index < sample.Bounds!.Count ? Number(sample.Bounds[index]) : "+Inf", below);
        }

        Line(text, family.Name + "_sum", family, sample, null, sample.Value);
        Line(text, family.Name + "_count", family, sample, null, below);
    }

    private static void Line(StringBuilder text, string name, MetricFamily family, MetricSample sample, string? bound, double value)
    {
        text.Append(name);
        char before = '{';
        for (int index = 0; index < family.Labels.Length; index++)
        {
            text.Append(before).Append(family.Labels[index]).Append("=\"").Append(Escape(sample.Labels[index])).Append('"');
            before = ',';
        }

        if (bound is not null)
        {
            text.Append(before).Append("le=\"").Append(bound).Append('"');
            before = ',';
        }

        if (before == ',') text.Append('}');
        text.Append(' ').Append(Number(value)).Append('\n');
    }

    private static string TypeOf(MetricKind kind) => kind switch
    {
        MetricKind.Counter => "counter",
        MetricKind.Gauge => "gauge",
        _ => "histogram",
    };

    private static string Number(double value) => value.ToString("R", CultureInfo.InvariantCulture);

    private static string Escape(string value) => value.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("\"", "\\\"", StringComparison.Ordinal).Replace("\n", "\\n", StringComparison.Ordinal);
}
