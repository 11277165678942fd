using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Sluice.Containerd.Sockets;

namespace Sluice.Containerd.Grpc;

/// <summary>gRPC on a unix socket: HTTP/2 with prior knowledge. Calls of one connection run concurrently.</summary>
public sealed class GrpcServer : IAsyncDisposable
{
    private readonly SocketServer _server;
    private readonly CancellationTokenSource _stopping;
    private int _disposed;

    private GrpcServer(SocketServer server, CancellationTokenSource stopping) => (_server, _stopping) = (server, stopping);

    public string SocketPath => _server.Path;

    /// <exception cref="Formats.SluiceException">The socket path can't be used or is in use.</exception>
    public static async Task<GrpcServer> StartAsync(GrpcServerOptions options, IReadOnlyList<GrpcService> services, ILoggerFactory? loggers, CancellationToken cancellation)
    {
        loggers ??= NullLoggerFactory.Instance;
        CancellationTokenSource stopping = new();
        try
        {
            GrpcApplication application = new(options, services, loggers.CreateLogger<GrpcServer>(), stopping.Token);
            return new GrpcServer(await SocketServer.StartAsync(options.Listener ?? ListeningSocket.Bind(options.SocketPath), HttpProtocols.Http2, application, loggers, cancellation), stopping);
        }
        catch
        {
            stopping.Dispose();
            throw;
        }
    }

    /// <inheritdoc cref="SocketServer.DrainAsync"/>
    public Task DrainAsync() => _server.DrainAsync();

    /// <summary>Cancels the calls in flight, stops listening and removes the socket.</summary>
    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _disposed, 1) != 0) return;
        await _stopping.CancelAsync();
        await _server.DisposeAsync();
        _stopping.Dispose();
    }
}
