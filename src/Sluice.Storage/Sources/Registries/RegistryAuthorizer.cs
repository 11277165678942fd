using System.Collections.Concurrent;
using System.Net;
using System.Net.Http.Headers;
using Sluice.Formats;
using Sluice.Storage.Sources.Credentials;

namespace Sluice.Storage.Sources.Registries;

/// <summary>Knows for each host how it wants to be asked, and keeps the tokens. Concurrent needs for one token make one request.</summary>
internal sealed class RegistryAuthorizer : IDisposable
{
    /// <summary>So long a login that is sent as it is may be used before its source is asked again: a rotated one counts after this time, without any refusal.</summary>
    private static readonly TimeSpan LoginLife = TimeSpan.FromSeconds(10);

    private readonly RegistryConnections _connections;
    private volatile Known _known;

    public RegistryAuthorizer(SourceOptions options, RegistryConnections connections) => (_connections, _known) = (connections, new Known(options));

    /// <summary>
    /// Goes by these options from now on. Where logins come from elsewhere, tokens and refusals are forgotten; otherwise those of hosts with other settings than before are not found any more.
    /// Requests under way go on with what they have.
    /// </summary>
    public void Apply(SourceOptions options) => _known = _known.HasLoginsOf(options) ? new Known(options, _known) : new Known(options);

    /// <summary>The header for a request; null while the host has not asked for one.</summary>
    public async ValueTask<AuthenticationHeaderValue?> GetAsync(RegistryHost host, string scope, CancellationToken cancellation)
    {
        Known known = _known;
        if (!known.Hosts.TryGetValue(host.Identity, out HostAuthorization? state) || state.Challenge is null) return null;
        if (state.TryGet(scope, out HostAuthorization.Kept? kept)) return kept.Header;
        return await RenewAsync(known, host, state, scope, refused: null, new LoginRefusals(), cancellation).ConfigureAwait(false);
    }

    /// <summary>
    /// A header other than the refused one, after a 401 or 403; null if there is nothing else to try. May be called again for
    /// the same request until it is: each login gets its turn, and before giving up every source is asked anew.
    /// </summary>
    /// <param name="refusals">The request's own.</param>
    public async Task<AuthenticationHeaderValue?> RenewAsync(
        RegistryHost host, string scope, HttpResponseMessage refusal, AuthenticationHeaderValue? refused, LoginRefusals refusals, CancellationToken cancellation)
    {
        Known known = _known;
        HostAuthorization state = known.Hosts.GetOrAdd(host.Identity, static (_, time) => new HostAuthorization(time), known.Options.Time);
        AuthChallenge? challenge = AuthChallenge.From(refusal);
        if (challenge is not null) state.Challenge = challenge;
        if (state.Challenge is null) return null;
        if (challenge?.Scope is { Length: > 0 } asked) state.Learn(scope, asked);
        if (refusals.Refused(isFinal: !state.Challenge.IsBearer || challenge?.Error == "insufficient_scope" || refusal.StatusCode == HttpStatusCode.Forbidden) is { } login) state.SetRefused(scope, login);
        return await RenewAsync(known, host, state, scope, refused, refusals, cancellation).ConfigureAwait(false);
    }

    public void Dispose()
    {
        foreach (HostAuthorization state in _known.Hosts.Values) state.Dispose();
    }

    private async Task<AuthenticationHeaderValue?> RenewAsync(
        Known known, RegistryHost host, HostAuthorization state, string scope, AuthenticationHeaderValue? refused, LoginRefusals refusals, CancellationToken cancellation)
    {
        await state.Gate.WaitAsync(cancellation).ConfigureAwait(false);
        try
        {
            HostAuthorization.Kept? header = state.TryGet(scope, out HostAuthorization.Kept? kept) && !kept.Header.Equals(refused) && !refusals.Contains(kept.Login)
                ? kept
                : await ChooseAsync(known, host, state, scope, refused, refusals, cancellation).ConfigureAwait(false);
            if (header is null) return null;
            state.Keep(scope, header);
            refusals.Tried(header.Login);
            return header.Header;
        }
        finally
        {
            state.Gate.Release();
        }
    }

    /// <summary>The header of the first login that is not known to be refused; what its token server refuses is not.</summary>
    private async Task<HostAuthorization.Kept?> ChooseAsync(
        Known known, RegistryHost host, HostAuthorization state, string scope, AuthenticationHeaderValue? refused, LoginRefusals refusals, CancellationToken cancellation)
    {
        RegistryFault? reason = null;
        foreach (bool anew in (bool[])[false, true])
        {
            await foreach (RegistryCredential login in known.Logins.FindAsync(RepositoryName.Of(host, scope), anew, cancellation).ConfigureAwait(false))
            {
                if (refusals.Contains(login) || (!anew && state.WasRefused(scope, login))) continue;
                try
                {
                    HostAuthorization.Kept? header = await MakeAsync(known.Options, host, state, scope, login, cancellation).ConfigureAwait(false);
                    if (header is null) continue;
                    if (!header.Header.Equals(refused)) return header;
                }
                catch (RegistryFault fault) when (fault.Error == SluiceError.Unauthorized && !fault.Transient)
                {
                    reason ??= fault;
                }

                refusals.Add(login);
                state.SetRefused(scope, login);
            }
        }

        return reason is null ? null : throw reason;
    }

    private async Task<HostAuthorization.Kept?> MakeAsync(SourceOptions options, RegistryHost host, HostAuthorization state, string scope, RegistryCredential login, CancellationToken cancellation)
    {
        DateTimeOffset soon = options.Time.GetUtcNow() + LoginLife;
        AuthChallenge challenge = state.Challenge!;
        if (!challenge.IsBearer) return login.User.Length == 0 ? null : new(new("Basic", login.BasicParameter), login, soon);
        if (!login.RegistryToken.IsEmpty) return new(new("Bearer", login.RegistryToken.Reveal()), login, soon);
        (Secret token, DateTimeOffset expires) = await TokenRequest.SendAsync(host, challenge, state.ScopesOf(scope), login, options, _connections, cancellation).ConfigureAwait(false);
        return new(new("Bearer", token.Reveal()), login, expires);
    }

    /// <summary>What is known with one state of the configuration.</summary>
    /// <param name="before">Whose tokens and logins go on; null: none.</param>
    private sealed class Known(SourceOptions options, Known? before = null)
    {
        public SourceOptions Options => options;

        /// <summary>By <see cref="RegistryHost.Identity"/>.</summary>
        public ConcurrentDictionary<string, HostAuthorization> Hosts { get; } = before?.Hosts ?? new(StringComparer.Ordinal);

        public CredentialChain Logins { get; } = before?.Logins ?? new(options);

        /// <summary>True if logins come from where the others say.</summary>
        public bool HasLoginsOf(SourceOptions other) =>
            options.AuthFile == other.AuthFile && options.Time == other.Time && options.Credentials.Remembered == other.Credentials.Remembered
            && options.Credentials.SecretFiles.SequenceEqual(other.Credentials.SecretFiles) && options.Credentials.Providers.SequenceEqual(other.Credentials.Providers);
    }
}
