using System.Collections.Concurrent;
using System.Diagnostics.CodeAnalysis;
using System.Net.Http.Headers;
using Sluice.Storage.Sources.Credentials;

namespace Sluice.Storage.Sources.Registries;

/// <summary>What is known of how one host wants to be asked: its challenge, a header for each scope, and logins that it refused lately.</summary>
internal sealed class HostAuthorization(TimeProvider time) : IDisposable
{
    /// <summary>So long a refused login is tried after the others.</summary>
    private static readonly TimeSpan RefusalLife = TimeSpan.FromMinutes(5);

    private readonly ConcurrentDictionary<string, Kept> _headers = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<string, string> _asked = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<(string Scope, RegistryCredential Login), DateTimeOffset> _refused = new();

    /// <summary>Held while a login is looked for or a token is fetched.</summary>
    public SemaphoreSlim Gate { get; } = new(1);

    public AuthChallenge? Challenge { get; set; }

    public bool TryGet(string scope, [NotNullWhen(true)] out Kept? kept) => _headers.TryGetValue(scope, out kept) && time.GetUtcNow() < kept.Expires;

    public void Keep(string scope, Kept header) => _headers[scope] = header;

    /// <summary>Remembers a scope that the registry wanted besides ours.</summary>
    public void Learn(string scope, string asked) => _asked[scope] = asked;

    /// <summary>All scopes to ask for, without duplicates.</summary>
    public IReadOnlyList<string> ScopesOf(string scope) =>
        [.. $"{scope} {_asked.GetValueOrDefault(scope)}".Split(' ', StringSplitOptions.RemoveEmptyEntries).Distinct(StringComparer.Ordinal)];

    public void SetRefused(string scope, RegistryCredential login)
    {
        DateTimeOffset now = time.GetUtcNow();
        foreach ((var known, DateTimeOffset until) in _refused)
        {
            if (until < now) _refused.TryRemove(known, out _);
        }

        _refused[(scope, login)] = now + RefusalLife;
    }

    public bool WasRefused(string scope, RegistryCredential login) => _refused.TryGetValue((scope, login), out DateTimeOffset until) && time.GetUtcNow() < until;

    public void Dispose() => Gate.Dispose();

    /// <summary>A header that may be sent until it expires, and whose it is.</summary>
    internal sealed record Kept(AuthenticationHeaderValue Header, RegistryCredential Login, DateTimeOffset Expires)
    {
        public override string ToString() => $"header for the {Login}";
    }
}
