using System.Text.Json;
using Microsoft.Extensions.Logging.Abstractions;
using Sluice.Node.Metrics;
using Sluice.Node.Status;
using Sluice.Testing;

namespace Sluice.Node.Tests.Metrics;

/// <summary>What a collector receives, held against the JSON form of OTLP 1.x.</summary>
public sealed class OtlpPushTests
{
    [Fact]
    public async Task ACollectorGetsReadingsInItsForm()
    {
        await using FaultProxy collector = new() { Respond = _ => ProxyResponse.Json("{\"partialSuccess\":{}}") };
        await using (new OtlpPush(Readings.Small, $"{collector.Address}", TimeSpan.FromMilliseconds(20), NullLogger.Instance, TimeProvider.System))
            await UntilAsync(() => collector.Requests.Count >= 2);

        ProxyRequest request = collector.Requests.First();
        Assert.Equal(("POST", "/v1/metrics", "application/json"), (request.Method, request.Target, request.Header("Content-Type")));
        using JsonDocument body = JsonDocument.Parse(request.Body);
        JsonElement resource = Only(body.RootElement, "resourceMetrics");
        Assert.Contains(resource.GetProperty("resource").GetProperty("attributes").EnumerateArray(), attribute =>
            attribute.GetProperty("key").GetString() == "service.name" && attribute.GetProperty("value").GetProperty("stringValue").GetString() == "sluice");
        JsonElement scope = Only(resource, "scopeMetrics");
        Dictionary<string, JsonElement> metrics = scope.GetProperty("metrics").EnumerateArray().ToDictionary(metric => metric.GetProperty("name").GetString()!);
        Assert.Equal(4, metrics.Count);

        JsonElement gauge = Only(metrics["sluice_keeper_up"].GetProperty("gauge"), "dataPoints");
        Assert.Equal((1d, "1002500000000"), (gauge.GetProperty("asDouble").GetDouble(), gauge.GetProperty("timeUnixNano").GetString()));

        JsonElement sum = metrics["sluice_fetched_bytes_total"].GetProperty("sum");
        Assert.Equal((2, true), (sum.GetProperty("aggregationTemporality").GetInt32(), sum.GetProperty("isMonotonic").GetBoolean()));
        JsonElement[] points = [.. sum.GetProperty("dataPoints").EnumerateArray()];
        Assert.Equal(["source=registry r,cause=demand", "source=registry r,cause=read_ahead"], points.Select(Attributes));
        Assert.Equal("1000000000000", points[0].GetProperty("startTimeUnixNano").GetString());

        JsonElement histogram = metrics["sluice_fetch_duration_seconds"].GetProperty("histogram");
        Assert.Equal(("s", 2), (metrics["sluice_fetch_duration_seconds"].GetProperty("unit").GetString(), histogram.GetProperty("aggregationTemporality").GetInt32()));
        JsonElement classes = Only(histogram, "dataPoints");
        Assert.Equal(("3", 3.25), (classes.GetProperty("count").GetString(), classes.GetProperty("sum").GetDouble()));
        Assert.Equal(["2", "0", "1"], classes.GetProperty("bucketCounts").EnumerateArray().Select(count => count.GetString()!));
        Assert.Equal([0.005, 2.5], classes.GetProperty("explicitBounds").EnumerateArray().Select(bound => bound.GetDouble()));
    }

    [Fact]
    public async Task ACollectorThatFailsIsToldOfAndAskedAgain()
    {
        var log = new RecentLines();
        await using FaultProxy collector = new() { Respond = _ => new ProxyResponse(503, [1]) };
        collector.Inject("POST", new Fault(FaultKind.Reset));
        await using (new OtlpPush(Readings.Small, $"{collector.Address}base/", TimeSpan.FromMilliseconds(20), log, TimeProvider.System))
            await UntilAsync(() => log.Lines().Any(line => line.Event == 70 && line.Count > 1) && log.Lines().Any(line => line.Event == 71));
        Assert.All(collector.Requests, request => Assert.Equal("/base/v1/metrics", request.Target));
    }

    private static JsonElement Only(JsonElement parent, string list) => Assert.Single(parent.GetProperty(list).EnumerateArray());

    private static string Attributes(JsonElement point) =>
        string.Join(',', point.GetProperty("attributes").EnumerateArray().Select(attribute => $"{attribute.GetProperty("key").GetString()}={attribute.GetProperty("value").GetProperty("stringValue").GetString()}"));

    private static async Task UntilAsync(Func<bool> condition)
    {
        while (!condition()) await Task.Delay(10, TestContext.Current.CancellationToken);
    }
}
