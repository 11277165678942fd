using System.Globalization;
using System.Text.Json;

namespace Sluice.Node.Metrics;

/// <summary>
/// Writes a reading as an <c>ExportMetricsServiceRequest</c> of OTLP in its JSON form: https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding.
/// Names of fields in lowerCamelCase, 64-bit integers as strings, enumerations as numbers.
/// </summary>
internal static class OtlpJson
{
    /// <summary><c>AGGREGATION_TEMPORALITY_CUMULATIVE</c>.</summary>
    private const int Cumulative = 2;

    /// <param name="instance">Tells this node from others.</param>
    public static void Write(Utf8JsonWriter writer, MetricReading reading, string version, string instance)
    {
        writer.WriteStartObject();
        writer.WriteStartArray("resourceMetrics");
        writer.WriteStartObject();
        writer.WriteStartObject("resource");
        writer.WriteStartArray("attributes");
        Attribute(writer, "service.name", "sluice");
        Attribute(writer, "service.version", version);
        Attribute(writer, "service.instance.id", instance);
        Attribute(writer, "host.name", instance);
        writer.WriteEndArray();
        writer.WriteEndObject();
        writer.WriteStartArray("scopeMetrics");
        writer.WriteStartObject();
        writer.WriteStartObject("scope");
        writer.WriteString("name", "sluice");
        writer.WriteString("version", version);
        writer.WriteEndObject();
        writer.WriteStartArray("metrics");
        foreach ((MetricFamily family, IReadOnlyList<MetricSample> samples) in reading.Families) Metric(writer, reading, family, samples);
        writer.WriteEndArray();
        writer.WriteEndObject();
        writer.WriteEndArray();
        writer.WriteEndObject();
        writer.WriteEndArray();
        writer.WriteEndObject();
    }

    private static void Metric(Utf8JsonWriter writer, MetricReading reading, MetricFamily family, IReadOnlyList<MetricSample> samples)
    {
        writer.WriteStartObject();
        writer.WriteString("name", family.Name);
        writer.WriteString("description", family.Help);
        writer.WriteString("unit", family.Unit);
        writer.WriteStartObject(family.Kind switch
        {
            MetricKind.Counter => "sum",
            MetricKind.Gauge => "gauge",
            _ => "histogram",
        });
        writer.WriteStartArray("dataPoints");
        foreach (MetricSample sample in samples) Point(writer, reading, family, sample);
        writer.WriteEndArray();
        if (family.Kind != MetricKind.Gauge) writer.WriteNumber("aggregationTemporality", Cumulative);
        if (family.Kind == MetricKind.Counter) writer.WriteBoolean("isMonotonic", true);
        writer.WriteEndObject();
        writer.WriteEndObject();
    }

    private static void Point(Utf8JsonWriter writer, MetricReading reading, MetricFamily family, MetricSample sample)
    {
        writer.WriteStartObject();
        writer.WriteStartArray("attributes");
        for (int index = 0; index < family.Labels.Length; index++) Attribute(writer, family.Labels[index], sample.Labels[index]);
        writer.WriteEndArray();
        if (family.Kind != MetricKind.Gauge) writer.WriteString("startTimeUnixNano", Nanoseconds(reading.Start));
        writer.WriteString("timeUnixNano", Nanoseconds(reading.At));
        if (sample.Counts is null)
        {
            writer.WriteNumber("asDouble", sample.Value);
        }
        else
        {
            writer.WriteString("count", Integer(sample.Counts.Sum()));
            writer.WriteNumber("sum", sample.Value);
            writer.WriteStartArray("bucketCounts");
            foreach (long count in sample.Counts) writer.WriteStringValue(Integer(count));
            writer.WriteEndArray();
            writer.WriteStartArray("explicitBounds");
            foreach (double bound in sample.Bounds!) writer.WriteNumberValue(bound);
            writer.WriteEndArray();
        }

        writer.WriteEndObject();
    }

    private static void Attribute(Utf8JsonWriter writer, string key, string value)
    {
        writer.WriteStartObject();
        writer.WriteString("key", key);
        writer.WriteStartObject("value");
        writer.WriteString("stringValue", value);
        writer.WriteEndObject();
        writer.WriteEndObject();
    }

    private static string Nanoseconds(DateTimeOffset time) => Integer((time - DateTimeOffset.UnixEpoch).Ticks * TimeSpan.NanosecondsPerTick);

    private static string Integer(long number) => number.ToString(CultureInfo.InvariantCulture);
}
