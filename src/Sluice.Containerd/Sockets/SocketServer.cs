using System.Net.Sockets;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace Sluice.Containerd.Sockets;

/// <summary>Kestrel on a unix socket, without a host: it reads no configuration and handles no signals.</summary>
public sealed class SocketServer : IAsyncDisposable
{
    private readonly KestrelServer _kestrel;
    private readonly ListeningSocket _socket;
    private int _disposed;

    private SocketServer(KestrelServer kestrel, ListeningSocket socket) => (_kestrel, _socket) = (kestrel, socket);

    public string Path => _socket.Path;

    /// <param name="path">Absolute; at most 107 bytes.</param>
    /// <exception cref="Formats.SluiceException">The path can't be used or is in use.</exception>
    public static Task<SocketServer> StartAsync(string path, HttpProtocols protocols, IHttpApplication<HttpContext> application, ILoggerFactory loggers, CancellationToken cancellation) =>
        StartAsync(ListeningSocket.Bind(path), protocols, application, loggers, cancellation);

    /// <param name="socket">The server's from now on.</param>
    public static async Task<SocketServer> StartAsync(ListeningSocket socket, HttpProtocols protocols, IHttpApplication<HttpContext> application, ILoggerFactory loggers, CancellationToken cancellation)
    {
        SocketTransport transport = new(socket, new UnixDomainSocketEndPoint(socket.Path), loggers);
        SocketServer server = new(new KestrelServer(Options.Create(Limits(socket.Path, protocols)), transport, loggers), socket);
        try
        {
            await server._kestrel.StartAsync(application, cancellation);
            return server;
        }
        catch
        {
            await server.DisposeAsync();
            throw;
        }
    }

    /// <summary>Stops listening, gives requests that are being answered 5 seconds, and disposes the socket.</summary>
    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _disposed, 1) != 0) return;
        await DrainAsync();
        _kestrel.Dispose();
        _socket.Dispose();
    }

    /// <summary>Stops listening and waits for requests that are being answered, for 5 seconds at most.</summary>
    public async Task DrainAsync()
    {
        using CancellationTokenSource patience = new(TimeSpan.FromSeconds(5));
        try
        {
            await _kestrel.StopAsync(patience.Token);
        }
        catch (Exception exception) when (exception is OperationCanceledException or SocketException)
        {
            // Connections that did not end in time are dropped by Dispose.
        }
    }

    private static KestrelServerOptions Limits(string path, HttpProtocols protocols)
    {
        KestrelServerOptions kestrel = new() { AddServerHeader = false, AllowSynchronousIO = false };
        kestrel.ListenUnixSocket(path, endpoint => endpoint.Protocols = protocols);
        if (protocols != HttpProtocols.Http2) return kestrel;

        // containerd keeps one connection for its whole life and is silent for hours. Not without any limit: Kestrel's sum of it and the time overflows, and each connection ends at its next look, within a second.
        kestrel.Limits.KeepAliveTimeout = TimeSpan.FromDays(3650);
        kestrel.Limits.MaxRequestBodySize = null;
        kestrel.Limits.MinRequestBodyDataRate = null;
        kestrel.Limits.MinResponseDataRate = null;
        kestrel.Limits.Http2.MaxStreamsPerConnection = 1000;
        return kestrel;
    }
}
