using System.Net;
using Microsoft.Extensions.Logging.Abstractions;
using Sluice.Formats;
using Sluice.Node.Metrics;

namespace Sluice.Node.Tests.Metrics;

public sealed class MetricsServerTests
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task PrometheusGetsItsTextAndNobodyGetsMore()
    {
        var address = new IPEndPoint(IPAddress.Loopback, FreePort());
        await using MetricsServer server = await MetricsServer.StartAsync(Readings.Small, address, NullLoggerFactory.Instance, Cancellation);
        using HttpClient client = new() { BaseAddress = new Uri($"http://{address}") };
        using HttpResponseMessage answer = await client.GetAsync("/metrics", Cancellation);
        Assert.Equal("text/plain; version=0.0.4; charset=utf-8", answer.Content.Headers.ContentType!.ToString());
        Assert.Equal(PrometheusText.Write(Readings.Small()), await answer.Content.ReadAsByteArrayAsync(Cancellation));
        Assert.Equal(HttpStatusCode.NotFound, (await client.GetAsync("/v1/status", Cancellation)).StatusCode);
        Assert.Equal(HttpStatusCode.MethodNotAllowed, (await client.DeleteAsync("/metrics", Cancellation)).StatusCode);

        SluiceException taken = await Assert.ThrowsAsync<SluiceException>(() => MetricsServer.StartAsync(Readings.Small, address, NullLoggerFactory.Instance, Cancellation));
        Assert.Equal((SluiceError.Configuration, $"metrics_address {address}"), (taken.Error, taken.Culprit));
    }

    private static int FreePort()
    {
        using System.Net.Sockets.TcpListener listener = new(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }
}
