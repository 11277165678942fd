using System.Collections.Concurrent;
using Sluice.Formats;
using Sluice.Storage.Sources.Extra;
using Sluice.Storage.Sources.Places;

namespace Sluice.Storage.Sources.Registries;

/// <summary>
/// Connections, tokens and what is known of places, which the stores of one program share. The options may change while stores are open, which follow them.
/// May be used concurrently. Dispose it after the stores that use it.
/// </summary>
public sealed class RegistryConnections : IDisposable
{
    private readonly ConcurrentBag<ConnectionPools> _made = [];
    private readonly Lock _gate = new();
    private readonly HashSet<SupplementedStore> _followers = [];
    private readonly Lock _changing = new();
    private readonly Action<string>? _log;
    private volatile ConnectionPools _pools;
    private volatile SourceOptions? _newer;

    /// <param name="log">Takes warnings.</param>
    public RegistryConnections(SourceOptions options, Action<string>? log = null)
    {
        _log = log;
        _made.Add(_pools = new ConnectionPools(options));
        Authorizer = new RegistryAuthorizer(options, this);
        Places = new SourcePlaces(options.Places with { Time = options.Time });
    }

    /// <summary>What is known of the hosts, over all stores.</summary>
    public SourcePlaces Places { get; }

    internal RegistryAuthorizer Authorizer { get; }

    /// <summary>Options that hold instead of those that a caller still has; null: they never changed.</summary>
    internal SourceOptions? Newer => _newer;

    /// <summary>
    /// Gets ready for other options: mirrors, extra sources, credentials, proxy, rates and limits of requests. What is under way goes on as it began; tokens
    /// and connections of hosts whose settings are the same stay.
    /// One change at a time.
    /// </summary>
    /// <returns>Makes them hold, for this and for all open stores.</returns>
    /// <exception cref="SluiceException"><see cref="SluiceError.Configuration"/>: a <c>hosts.toml</c> of an open store is wrong; nothing has changed.</exception>
    public Action Prepare(SourceOptions options)
    {
        Dictionary<SupplementedStore, Action> prepared = Followers().ToDictionary(store => store, store => store.Prepare(options));
        return () =>
        {
            using Lock.Scope changing = _changing.EnterScope();

            // Pools that were used before are not disposed now, as requests are under way; they close their connections a minute after the last.
            _made.Add(_pools = new ConnectionPools(options, _pools));
            Authorizer.Apply(options);
            Places.Apply(options.Places with { Time = options.Time });
            _newer = options;
            foreach (SupplementedStore store in Followers()) Apply(store, prepared.GetValueOrDefault(store), options);
        };
    }

    /// <summary>A store that was opened with these options follows others from now on.</summary>
    /// <exception cref="SluiceException">It can't be as the newer options want it; it does not follow.</exception>
    internal void Follow(SupplementedStore store, SourceOptions options)
    {
        lock (_changing) // else what holds now could come after, and over, what holds next
        {
            if (_newer is { } newer && !ReferenceEquals(newer, options)) store.Prepare(newer)(); // it was opened while they changed
            lock (_gate) _followers.Add(store);
        }
    }

    internal void Leave(SupplementedStore store)
    {
        lock (_gate) _followers.Remove(store);
    }

    /// <summary>The pool for an address.</summary>
    /// <exception cref="SluiceException"><see cref="SluiceError.Configuration"/>: a certificate file can't be read.</exception>
    internal HttpMessageInvoker For(Uri address, TlsSettings tls) => _pools.For(address, tls);

    /// <inheritdoc cref="ConnectionPools.ProxyOf"/>
    internal string? ProxyOf(Uri address) => _pools.ProxyOf(address);

    public void Dispose()
    {
        foreach (ConnectionPools pools in _made) pools.Dispose();
        Authorizer.Dispose();
    }

    /// <summary>One store that can't be changed, as it was opened since the others were prepared, goes on as it is and leaves the others theirs.</summary>
    private void Apply(SupplementedStore store, Action? prepared, SourceOptions options)
    {
        try
        {
            (prepared ?? store.Prepare(options))();
        }
        catch (Exception exception)
        {
            _log?.Invoke($"{store.Name} goes on with the configuration that it had: {exception.Message}");
        }
    }

    private SupplementedStore[] Followers()
    {
        lock (_gate) return [.. _followers];
    }
}
