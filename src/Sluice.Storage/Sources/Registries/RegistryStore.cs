using System.Net;
using Sluice.Formats;
using Sluice.Formats.Oci;

namespace Sluice.Storage.Sources.Registries;

/// <summary>
/// One repository of a registry, read through its mirrors and written to itself. Requests are tried again after failures
/// that may pass; tokens, redirects and limits are dealt with inside. Source: OCI distribution-spec 1.1.
/// </summary>
public sealed partial class RegistryStore : IImageStore, ITaggedStore
{
    private readonly SourceOptions _options;
    private readonly RegistryConnections _connections;
    private readonly bool _ownsConnections;
    private readonly RegistryRequests _requests;
    private readonly IReadOnlyList<RegistryHost> _hosts;
    private readonly BlobLocations _locations;

    /// <param name="host">Registry as in image names: <c>docker.io</c>, <c>localhost:5000</c>.</param>
    /// <param name="repository">Repository as in image names, with <c>library/</c> where Docker's registry needs it.</param>
    /// <exception cref="SluiceException"><see cref="SluiceError.Configuration"/>: the host's <c>hosts.toml</c> is wrong.</exception>
    public RegistryStore(string host, string repository, SourceOptions options)
    {
        Host = host;
        Repository = repository;
        _options = options;
        _hosts = RegistryHosts.Resolve(host, options);
        _ownsConnections = options.Connections is null;
        _connections = options.Connections ?? new RegistryConnections(options);
        _requests = new RegistryRequests(_connections);
        _locations = new BlobLocations(options.Time);
        foreach (RegistryHost each in _hosts) each.Place = _connections.Places.Get(each.Name);
        RegistryHost[] pulling = [.. _hosts.Where(each => each.Capabilities.HasFlag(HostCapabilities.Pull))];
        Sources = pulling.Length == 0 ? [this] : [.. pulling.Select((each, index) => new RegistryHostSource(this, new HostChoice(each, index == pulling.Length - 1), options, pulling.Length == 1))];
    }

    /// <summary>The hosts of <c>hosts.toml</c> that blobs can be pulled from, in its order, the registry itself last.</summary>
    public IReadOnlyList<IBlobSource> Sources { get; }

    public string Host { get; }

    public string Repository { get; }

    public string Name => $"registry {Host}";

    private string PullScope => $"repository:{Repository}:pull";

    private string PushScope => $"repository:{Repository}:pull,push";

    /// <summary>The one host that is written to, and asked what it has: the registry itself unless <c>hosts.toml</c> says otherwise.</summary>
    private RegistryHost PushHost =>
        _hosts.LastOrDefault(host => !host.IsMirror && host.Capabilities.HasFlag(HostCapabilities.Push))
        ?? _hosts.FirstOrDefault(host => host.Capabilities.HasFlag(HostCapabilities.Push))
        ?? throw new SluiceException(SluiceError.Configuration, Name, "hosts.toml lists no host with the capability 'push'");

    public ValueTask DisposeAsync()
    {
        if (_ownsConnections) _connections.Dispose();
        return ValueTask.CompletedTask;
    }

    private StallTimer NewTimer(CancellationToken cancellation) => new(_options.StallTimeout, _options.Time, cancellation);

    /// <summary>Tries something at each host that may do it, in order, and all of them again while that may help.</summary>
    /// <param name="blob">What is asked for; hosts that delivered wrong bytes of it are asked last.</param>
    private Task<T> TryHostsAsync<T>(HostCapabilities needed, Func<RegistryHost, bool, CancellationToken, Task<T>> attempt, CancellationToken cancellation, Digest? blob = null) =>
        TryAsync(token => TryEachAsync(needed, attempt, blob, token), cancellation);

    /// <summary>Tries something, and again while that may help.</summary>
    private Task<T> TryAsync<T>(Func<CancellationToken, Task<T>> attempt, CancellationToken cancellation) => new RetrySchedule(_options).RunAsync(attempt, cancellation);

    private async Task<T> TryEachAsync<T>(HostCapabilities needed, Func<RegistryHost, bool, CancellationToken, Task<T>> attempt, Digest? blob, CancellationToken cancellation)
    {
        RegistryFault? worst = null, final = null;
        IReadOnlyList<RegistryHost> hosts = Order(needed, blob);
        for (int i = 0; i < hosts.Count; i++)
        {
            RegistryHost host = hosts[i];
            try
            {
                bool isLast = i == hosts.Count - 1;
                await WaitForTurnAsync(host, isLast, cancellation).ConfigureAwait(false);
                T result = await attempt(host, isLast, cancellation).ConfigureAwait(false);
                host.Place.Answered();
                return result;
            }
            catch (RegistryFault fault)
            {
                if (fault.Transient && fault.RetryAfter is null) host.Place.Failed();

                // What the registry itself says is final, unless it may pass. Mirrors may lack what it has.
                if (!host.IsMirror && !fault.Transient) final = fault;
                if (worst is null || fault.Transient) worst = fault;
            }
        }

        throw final ?? worst ?? new SluiceException(SluiceError.Configuration, Name, $"hosts.toml lists no host with the capability '{needed}'");
    }

    /// <summary>The hosts with a capability; those that failed lately or have wrong bytes come last, so that the others answer first.</summary>
    private IReadOnlyList<RegistryHost> Order(HostCapabilities needed, Digest? blob)
    {
        if (_hosts.Count == 1 && _hosts[0].Capabilities.HasFlag(needed)) return _hosts;
        return [.. _hosts.Where(host => host.Capabilities.HasFlag(needed)).OrderBy(host => blob is not null && host.Place.Distrusts(blob.Value) ? 2 : host.Place.IsResting ? 1 : 0)];
    }

    /// <summary>Waits until a host may be asked, unless another can be asked instead or that takes too long.</summary>
    private async Task WaitForTurnAsync(RegistryHost host, bool isLast, CancellationToken cancellation)
    {
        while (!host.Place.TryAsk(out TimeSpan wait))
        {
            if (!isLast || wait > _options.LongestDelay)
            {
                throw new RegistryFault(
                    SluiceError.Source, host.Name, $"is not asked for another {wait.TotalSeconds:0.#} s: it asked for a pause", "log in for a higher limit, use a mirror, or wait", transient: true, wait);
            }

            await Task.Delay(wait, _options.Time, cancellation).ConfigureAwait(false);
        }
    }

    /// <summary>Sends a request without a wanted body, and throws what its status means unless it is one of <paramref name="expected"/>.</summary>
    private async Task<HttpResponseMessage> ExpectAsync(
        RegistryHost host, string scope, Func<HttpRequestMessage> create, string what, StallTimer timer, params HttpStatusCode[] expected)
    {
        HttpResponseMessage response = await _requests.SendAsync(host, scope, create, what, timer).ConfigureAwait(false);
        return await CheckAsync(host, response, what, timer, expected).ConfigureAwait(false);
    }

    private async Task<HttpResponseMessage> CheckAsync(RegistryHost host, HttpResponseMessage response, string what, StallTimer timer, params HttpStatusCode[] expected)
    {
        if (expected.Contains(response.StatusCode)) return response;
        using (response) throw await RegistryFaults.FromResponseAsync(host, response, what, _options.Time, timer.Token).ConfigureAwait(false);
    }
}
