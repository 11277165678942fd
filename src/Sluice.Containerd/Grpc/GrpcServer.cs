using System.Net.Sockets;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Transport.Sockets;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;

namespace Sluice.Containerd.Grpc;

/// <summary>
/// gRPC on a unix socket: Kestrel speaking HTTP/2 with prior knowledge. The socket has mode 0600; a stale one is replaced,
/// a live one is an error. Calls of one connection run concurrently.
/// </summary>
public sealed class GrpcServer : IAsyncDisposable
{
    private readonly KestrelServer _kestrel;
    private readonly SocketTransportFactory _transport;
    private readonly CancellationTokenSource _stopping = new();
    private int _disposed;

    private GrpcServer(KestrelServer kestrel, SocketTransportFactory transport, string socketPath)
    {
        _kestrel = kestrel;
        _transport = transport;
        SocketPath = socketPath;
    }

    public string SocketPath { get; }

    /// <exception cref="Formats.SluiceException">The socket path can't be used or is in use.</exception>
    public static async Task<GrpcServer> StartAsync(
        GrpcServerOptions options, IReadOnlyList<GrpcService> services, ILoggerFactory? loggers, CancellationToken cancellation)
    {
        loggers ??= NullLoggerFactory.Instance;
        UnixSocketPath.Claim(options.SocketPath);

        SocketTransportOptions transportOptions = new() { CreateBoundListenSocket = _ => UnixSocketPath.Bind(options.SocketPath) };
        SocketTransportFactory transport = new(Options.Create(transportOptions), loggers);
        KestrelServer kestrel = new(Options.Create(Limits(options)), transport, loggers);
        GrpcServer server = new(kestrel, transport, options.SocketPath);
        try
        {
            await kestrel.StartAsync(new GrpcApplication(options, services, loggers.CreateLogger<GrpcServer>(), server._stopping.Token), cancellation);
            return server;
        }
        catch
        {
            await server.DisposeAsync();
            throw;
        }
    }

    /// <summary>Cancels the calls in flight, stops listening and removes the socket.</summary>
    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _disposed, 1) != 0) return;
        await _stopping.CancelAsync();
        using (CancellationTokenSource patience = new(TimeSpan.FromSeconds(5)))
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
        File.Delete(SocketPath);
        _stopping.Dispose();
        GC.KeepAlive(_transport);
    }

    private static KestrelServerOptions Limits(GrpcServerOptions options)
    {
        KestrelServerOptions kestrel = new() { AddServerHeader = false, AllowSynchronousIO = false };
        kestrel.Limits.MaxRequestBodySize = null;
        kestrel.Limits.MinRequestBodyDataRate = null;
        kestrel.Limits.MinResponseDataRate = null;

        // containerd keeps one connection for its whole life and is silent for hours.
        kestrel.Limits.KeepAliveTimeout = Timeout.InfiniteTimeSpan;
        kestrel.Limits.Http2.MaxStreamsPerConnection = 1000;
        kestrel.ListenUnixSocket(options.SocketPath, endpoint => endpoint.Protocols = HttpProtocols.Http2);
        return kestrel;
    }
}
