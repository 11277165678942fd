using System.Net.Sockets;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Transport.Sockets;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Sluice.Containerd.Files;

namespace Sluice.Containerd.Sockets;

/// <summary>
/// Kestrel on a unix socket, without a host: it reads no configuration and handles no signals. The socket has mode 0600; a
/// stale one is replaced, a live one is an error.
/// </summary>
public sealed class SocketServer : IAsyncDisposable
{
    private readonly KestrelServer _kestrel;
    private readonly SocketTransportFactory _transport;
    private ulong? _inode;
    private int _disposed;

    private SocketServer(KestrelServer kestrel, SocketTransportFactory transport, string path) => (_kestrel, _transport, Path) = (kestrel, transport, path);

    public string Path { get; }

    /// <param name="path">Absolute; at most 107 bytes.</param>
    /// <param name="taken">Listens there already; used up. Null: the path is to be free.</param>
    /// <exception cref="Formats.SluiceException">The path can't be used or is in use.</exception>
    public static async Task<SocketServer> StartAsync(
        string path, HttpProtocols protocols, IHttpApplication<HttpContext> application, ILoggerFactory loggers, CancellationToken cancellation, TakenSocket? taken = null)
    {
        if (taken is null) UnixSocketPath.Claim(path);
        SocketTransportOptions transportOptions = new() { CreateBoundListenSocket = _ => taken?.Use() ?? UnixSocketPath.Bind(path) };
        SocketTransportFactory transport = new(Options.Create(transportOptions), loggers);
        KestrelServer kestrel = new(Options.Create(Limits(path, protocols)), transport, loggers);
        SocketServer server = new(kestrel, transport, path);
        try
        {
            await kestrel.StartAsync(application, cancellation);
            server._inode = InodeOf(path);
            return server;
        }
        catch
        {
            await server.DisposeAsync();
            throw;
        }
    }

    /// <summary>Stops listening, gives requests that are being answered 5 seconds, and removes the socket unless another process has taken its place.</summary>
    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _disposed, 1) != 0) return;
        await DrainAsync();
        _kestrel.Dispose();
        if (_inode is not null && InodeOf(Path) == _inode) File.Delete(Path);
        GC.KeepAlive(_transport);
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

    private static ulong? InodeOf(string path) => FileStatus.TryRead(path, out FileStatus status) ? status.Inode : null;

    private static KestrelServerOptions Limits(string path, HttpProtocols protocols)
    {
        KestrelServerOptions kestrel = new() { AddServerHeader = false, AllowSynchronousIO = false };
        kestrel.ListenUnixSocket(path, endpoint => endpoint.Protocols = protocols);
        if (protocols != HttpProtocols.Http2) return kestrel;

        // containerd keeps one connection for its whole life and is silent for hours.
        kestrel.Limits.KeepAliveTimeout = Timeout.InfiniteTimeSpan;
        kestrel.Limits.MaxRequestBodySize = null;
        kestrel.Limits.MinRequestBodyDataRate = null;
        kestrel.Limits.MinResponseDataRate = null;
        kestrel.Limits.Http2.MaxStreamsPerConnection = 1000;
        return kestrel;
    }
}
