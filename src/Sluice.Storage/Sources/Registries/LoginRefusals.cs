using Sluice.Storage.Sources.Credentials;

namespace Sluice.Storage.Sources.Registries;

/// <summary>What one request has learned about logins from its refusals.</summary>
internal sealed class LoginRefusals
{
    /// <summary>
    /// So many new tokens of one login may be refused before the login counts as refused. One is not enough: a token may last two
    /// seconds or a few requests, and others have used it up when its turn comes.
    /// </summary>
    private const int TokensOfOne = 3;

    private readonly HashSet<RegistryCredential> _refused = [];
    private readonly Dictionary<RegistryCredential, int> _tokens = [];
    private RegistryCredential? _last;

    public bool Contains(RegistryCredential login) => _refused.Contains(login);

    public void Add(RegistryCredential login) => _refused.Add(login);

    /// <summary>The request goes out with a header of this login.</summary>
    public void Tried(RegistryCredential login)
    {
        _tokens[login] = _tokens.GetValueOrDefault(login) + 1;
        _last = login;
    }

    /// <summary>What went out last was refused.</summary>
    /// <param name="isFinal">The registry said that the token is good and not enough, or the login itself was sent.</param>
    /// <returns>The login that counts as refused now; null if it deserves another token.</returns>
    public RegistryCredential? Refused(bool isFinal)
    {
        if (_last is null || !(isFinal || _tokens[_last] >= TokensOfOne)) return null;
        _refused.Add(_last);
        return _last;
    }
}
