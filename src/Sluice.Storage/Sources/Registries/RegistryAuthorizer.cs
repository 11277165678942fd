using System.Collections.Concurrent;
using System.Net.Http.Headers;
using System.Text;
using Sluice.Formats;

namespace Sluice.Storage.Sources.Registries;

/// <summary>Knows for each host how it wants to be asked, and keeps the tokens. Concurrent needs for one token make one request.</summary>
internal sealed class RegistryAuthorizer(SourceOptions options, RegistryConnections connections) : IDisposable
{
    private readonly ConcurrentDictionary<string, HostState> _hosts = new(StringComparer.Ordinal);
    private readonly LoginFile _logins = new(options);

    /// <summary>The header for a request; null while the host has not asked for one.</summary>
    public async ValueTask<AuthenticationHeaderValue?> GetAsync(RegistryHost host, string scope, CancellationToken cancellation)
    {
        if (!_hosts.TryGetValue(host.Api.AbsoluteUri, out HostState? state) || state.Challenge is null) return null;
        if (state.TryGet(scope, options.Time, out AuthenticationHeaderValue? kept)) return kept;
        return await RenewAsync(host, state, scope, refused: null, cancellation).ConfigureAwait(false);
    }

    /// <summary>
    /// A header other than the refused one, after a 401 or 403; null if there is nothing else to try.
    /// </summary>
    public async Task<AuthenticationHeaderValue?> RenewAsync(
        RegistryHost host, string scope, HttpResponseMessage refusal, AuthenticationHeaderValue? refused, CancellationToken cancellation)
    {
        HostState state = _hosts.GetOrAdd(host.Api.AbsoluteUri, static _ => new HostState());
        AuthChallenge? challenge = AuthChallenge.From(refusal);
        if (challenge is not null) state.Challenge = challenge;
        if (state.Challenge is null) return null;
        if (challenge?.Scope is { Length: > 0 } asked) state.Learn(scope, asked);
        AuthenticationHeaderValue? renewed = await RenewAsync(host, state, scope, refused, cancellation).ConfigureAwait(false);
        return renewed is not null && renewed.Equals(refused) ? null : renewed;
    }

    public void Dispose()
    {
        foreach (HostState state in _hosts.Values) state.Gate.Dispose();
    }

    private async Task<AuthenticationHeaderValue?> RenewAsync(RegistryHost host, HostState state, string scope, AuthenticationHeaderValue? refused, CancellationToken cancellation)
    {
        await state.Gate.WaitAsync(cancellation).ConfigureAwait(false);
        try
        {
            if (state.TryGet(scope, options.Time, out AuthenticationHeaderValue? kept) && !kept.Equals(refused)) return kept;
            RegistryCredential? login = await _logins.FindAsync(host, cancellation).ConfigureAwait(false);
            AuthChallenge challenge = state.Challenge!;
            if (!challenge.IsBearer)
            {
                if (login is null) return null;
                return state.Keep(scope, "Basic", Convert.ToBase64String(Encoding.UTF8.GetBytes($"{login.User}:{login.Secret}")), DateTimeOffset.MaxValue);
            }

            if (login?.RegistryToken is { } ready) return state.Keep(scope, "Bearer", ready, DateTimeOffset.MaxValue);
            (string token, DateTimeOffset expires) = await TokenRequest.SendAsync(host, challenge, state.ScopesOf(scope), login, options, connections, cancellation).ConfigureAwait(false);
            return state.Keep(scope, "Bearer", token, expires);
        }
        finally
        {
            state.Gate.Release();
        }
    }

    private sealed class HostState
    {
        private readonly ConcurrentDictionary<string, (AuthenticationHeaderValue Header, DateTimeOffset Expires)> _headers = new(StringComparer.Ordinal);
        private readonly ConcurrentDictionary<string, string> _asked = new(StringComparer.Ordinal);

        public SemaphoreSlim Gate { get; } = new(1);

        public AuthChallenge? Challenge { get; set; }

        public bool TryGet(string scope, TimeProvider time, [System.Diagnostics.CodeAnalysis.NotNullWhen(true)] out AuthenticationHeaderValue? header)
        {
            bool found = _headers.TryGetValue(scope, out var kept) && time.GetUtcNow() < kept.Expires;
            header = found ? kept.Header : null;
            return found;
        }

        public AuthenticationHeaderValue Keep(string scope, string scheme, string parameter, DateTimeOffset expires)
        {
            AuthenticationHeaderValue header = new(scheme, parameter);
            _headers[scope] = (header, expires);
            return header;
        }

        /// <summary>Remembers a scope that the registry wanted besides ours.</summary>
        public void Learn(string scope, string asked) => _asked[scope] = asked;

        /// <summary>All scopes to ask for, without duplicates.</summary>
        public IReadOnlyList<string> ScopesOf(string scope) =>
            [.. $"{scope} {_asked.GetValueOrDefault(scope)}".Split(' ', StringSplitOptions.RemoveEmptyEntries).Distinct(StringComparer.Ordinal)];
    }
}
