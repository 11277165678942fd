using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;

namespace Sluice.Testing;

/// <summary>Where a registry that misbehaves redirects to: servers that have what the registry has, and can't be reached in the end.</summary>
internal sealed class FaultPlaces : IAsyncDisposable
{
    private readonly ConcurrentDictionary<TlsFlaw, FaultProxy> _encrypted = new();
    private readonly ConcurrentDictionary<string, bool> _used = new();
    private readonly TcpListener _closed = new(IPAddress.Loopback, 0);
    private readonly Func<FaultProxy> _create;
    private readonly Func<TlsFlaw, FaultProxy> _createEncrypted;

    /// <param name="upstream">The registry itself.</param>
    public FaultPlaces(Uri upstream)
        : this(() => new FaultProxy(upstream), flaw => new FaultProxy(upstream, tls: flaw))
    {
    }

    /// <param name="respond">What the registry itself answers.</param>
    public FaultPlaces(Func<ProxyRequest, ProxyResponse?> respond)
        : this(() => new FaultProxy { Respond = respond }, flaw => new FaultProxy(tls: flaw) { Respond = respond })
    {
    }

    private FaultPlaces(Func<FaultProxy> create, Func<TlsFlaw, FaultProxy> createEncrypted)
    {
        (_create, _createEncrypted) = (create, createEncrypted);
        _closed.Server.Bind(new IPEndPoint(IPAddress.Loopback, 0)); // never listens
        Signed = _create();
        Signed.Always = request => _used.TryAdd(request.Target, true) ? null : Fault.Answer(403);
    }

    /// <summary>Serves each signed address once, then says that it has expired.</summary>
    public FaultProxy Signed { get; }

    /// <summary>Nobody listens there.</summary>
    public string Closed => $"http://{_closed.Server.LocalEndPoint}";

    public FaultProxy Encrypted(TlsFlaw flaw) => _encrypted.GetOrAdd(flaw, _createEncrypted);

    public async ValueTask DisposeAsync()
    {
        await Signed.DisposeAsync();
        foreach (FaultProxy proxy in _encrypted.Values) await proxy.DisposeAsync();
        _closed.Dispose();
    }
}
