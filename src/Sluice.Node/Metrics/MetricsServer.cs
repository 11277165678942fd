using System.Net;
using System.Net.Sockets;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Transport.Sockets;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Sluice.Formats;

namespace Sluice.Node.Metrics;

/// <summary>
/// <c>GET /metrics</c> on a TCP address, for Prometheus. It has no authentication and answers nothing else: the address is loopback unless the configuration
/// says that others may read, too.
/// </summary>
internal sealed class MetricsServer : IHttpApplication<HttpContext>, IAsyncDisposable
{
    private readonly Func<MetricReading> _read;
    private readonly KestrelServer _kestrel;

    private MetricsServer(Func<MetricReading> read, IPEndPoint address, ILoggerFactory loggers)
    {
        _read = read;
        KestrelServerOptions options = new() { AddServerHeader = false, AllowSynchronousIO = false };
        options.Limits.MaxConcurrentConnections = 32;
        options.Limits.MaxRequestBodySize = 0;
        options.Listen(address, endpoint => endpoint.Protocols = HttpProtocols.Http1);
        _kestrel = new KestrelServer(Options.Create(options), new SocketTransportFactory(Options.Create(new SocketTransportOptions()), loggers), loggers);
    }

    /// <exception cref="SluiceException">The address can't be listened on.</exception>
    public static async Task<MetricsServer> StartAsync(Func<MetricReading> read, IPEndPoint address, ILoggerFactory loggers, CancellationToken cancellation)
    {
        var server = new MetricsServer(read, address, loggers);
        try
        {
            await server._kestrel.StartAsync(server, cancellation);
            return server;
        }
        catch (Exception exception)
        {
            await server.DisposeAsync();
            if (exception is IOException or SocketException) throw new SluiceException(SluiceError.Configuration, $"metrics_address {address}", $"can't be listened on: {exception.Message}", "name another address and port", exception);
            throw;
        }
    }

    public HttpContext CreateContext(IFeatureCollection contextFeatures) => new DefaultHttpContext(contextFeatures);

    public void DisposeContext(HttpContext context, Exception? exception)
    {
    }

    public async Task ProcessRequestAsync(HttpContext context)
    {
        bool known = context.Request.Path == "/metrics";
        if (!known || !HttpMethods.IsGet(context.Request.Method))
        {
            context.Response.StatusCode = known ? StatusCodes.Status405MethodNotAllowed : StatusCodes.Status404NotFound;
            return;
        }

        byte[] body = PrometheusText.Write(_read());
        context.Response.ContentType = PrometheusText.ContentType;
        context.Response.ContentLength = body.Length;
        await context.Response.Body.WriteAsync(body, context.RequestAborted);
    }

    public async ValueTask DisposeAsync()
    {
        using (CancellationTokenSource patience = new(TimeSpan.FromSeconds(1)))
        {
            try
            {
                await _kestrel.StopAsync(patience.Token);
            }
            catch (Exception exception) when (exception is OperationCanceledException or SocketException)
            {
                // Connections that did not end in time are dropped by Dispose.
            }
        }

        _kestrel.Dispose();
    }
}
