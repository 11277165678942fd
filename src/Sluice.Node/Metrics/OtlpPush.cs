using System.Net.Http.Headers;
using System.Text.Json;
using Microsoft.Extensions.Logging;
using Sluice.Node.Status;

namespace Sluice.Node.Metrics;

/// <summary>
/// Sends a reading to an OTLP/HTTP collector now and then: POST of JSON to <c>ENDPOINT/v1/metrics</c>. A collector that is away misses values and
/// nothing else: counters are cumulative, so the next reading has all of them.
/// </summary>
internal sealed partial class OtlpPush : IAsyncDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    private readonly Func<MetricReading> _read;
    private readonly Uri _target;
    private readonly ILogger _logger;
    private readonly HttpClient _client = new(new SocketsHttpHandler { ActivityHeadersPropagator = null, AllowAutoRedirect = false, PooledConnectionLifetime = TimeSpan.FromMinutes(10) }) { Timeout = Patience };
    private readonly CancellationTokenSource _stopping = new();
    private readonly Task _running;

    /// <summary>Begins with the first reading, after one interval.</summary>
    /// <param name="endpoint">http or https, without <c>/v1/metrics</c>.</param>
    public OtlpPush(Func<MetricReading> read, string endpoint, TimeSpan interval, ILogger logger, TimeProvider time)
    {
        (_read, _target, _logger) = (read, new Uri(endpoint.TrimEnd('/') + "/v1/metrics"), logger);
        _running = RunAsync(interval, time);
    }

    /// <summary>Sends what was counted last, and ends.</summary>
    public async ValueTask DisposeAsync()
    {
        await _stopping.CancelAsync();
        await _running;
        using (var last = new CancellationTokenSource(TimeSpan.FromSeconds(1))) await SendAsync(last.Token); // the stop must not wait for a collector
        _client.Dispose();
        _stopping.Dispose();
    }

    private async Task RunAsync(TimeSpan interval, TimeProvider time)
    {
        using var timer = new PeriodicTimer(interval, time);
        try
        {
            while (await timer.WaitForNextTickAsync(_stopping.Token)) await SendAsync(_stopping.Token);
        }
        catch (OperationCanceledException)
        {
            // The daemon stops.
        }
    }

    private async Task SendAsync(CancellationToken cancellation)
    {
        try
        {
            using var content = new ByteArrayContent(Body());
            content.Headers.ContentType = new MediaTypeHeaderValue("application/json");
            using HttpResponseMessage answer = await _client.PostAsync(_target, content, cancellation);
            if (!answer.IsSuccessStatusCode) Log.Refused(_logger, _target.GetLeftPart(UriPartial.Path), (int)answer.StatusCode);
        }
        catch (Exception exception) when (exception is HttpRequestException or OperationCanceledException)
        {
            if (!cancellation.IsCancellationRequested) Log.Unreachable(_logger, _target.GetLeftPart(UriPartial.Path), exception.Message);
        }
        catch (Exception exception) when (exception is not OutOfMemoryException)
        {
            Log.Unreadable(_logger, exception); // the next one may succeed, and metrics must not end the daemon
        }
    }

    private byte[] Body()
    {
        using MemoryStream body = new();
        using (Utf8JsonWriter writer = new(body)) OtlpJson.Write(writer, _read(), NodeObserver.Version, Environment.MachineName);
        return body.ToArray();
    }

    private static partial class Log
    {
        [LoggerMessage(70, LogLevel.Warning, "The metrics collector {Collector} answered {Status}; this reading is lost, the next one has all counts")]
        public static partial void Refused(ILogger logger, string collector, int status);

        [LoggerMessage(71, LogLevel.Warning, "The metrics collector {Collector} can't be reached: {Reason}; the next reading has all counts")]
        public static partial void Unreachable(ILogger logger, string collector, string reason);

        [LoggerMessage(72, LogLevel.Error, "The metrics can't be read")]
        public static partial void Unreadable(ILogger logger, Exception exception);
    }
}
