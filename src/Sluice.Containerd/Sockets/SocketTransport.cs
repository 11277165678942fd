using System.Net;
using System.Net.Sockets;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Server.Kestrel.Transport.Sockets;
using Microsoft.Extensions.Logging;

namespace Sluice.Containerd.Sockets;

/// <summary>
/// Kestrel's transport over one socket that listens already. Kestrel's own disposes the socket while it accepts on it, and .NET shuts it down then, for all who have it open;
/// here accepting ends first.
/// </summary>
internal sealed class SocketTransport(ListeningSocket socket, EndPoint endpoint, ILoggerFactory loggers) : IConnectionListenerFactory, IConnectionListener
{
    /// <summary>When no connection can be accepted, as no descriptor is left.</summary>
    private static readonly TimeSpan RetryAfter = TimeSpan.FromMilliseconds(50);

    private readonly CancellationTokenSource _unbound = new();
    private readonly SocketConnectionContextFactory _connections = new(new SocketConnectionFactoryOptions(), loggers.CreateLogger<SocketTransport>());

    public EndPoint EndPoint => endpoint;

    public ValueTask<IConnectionListener> BindAsync(EndPoint endpoint, CancellationToken cancellationToken = default) => new(this);

    public async ValueTask<ConnectionContext?> AcceptAsync(CancellationToken cancellationToken = default)
    {
        while (true)
        {
            try
            {
                return _connections.Create(await socket.AcceptAsync(_unbound.Token));
            }
            catch (OperationCanceledException)
            {
                return null;
            }
            catch (SocketException)
            {
                await Task.Delay(RetryAfter, cancellationToken);
            }
        }
    }

    public async ValueTask UnbindAsync(CancellationToken cancellationToken = default) => await _unbound.CancelAsync();

    public async ValueTask DisposeAsync()
    {
        await _unbound.CancelAsync();
        _connections.Dispose();
    }
}
