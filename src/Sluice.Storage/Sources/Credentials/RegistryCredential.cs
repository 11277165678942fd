using Sluice.Formats;

namespace Sluice.Storage.Sources.Credentials;

/// <summary>A login. Equal logins send the same. A class of secrets: it prints the user at most.</summary>
/// <param name="password">Empty if there is an identity or registry token.</param>
/// <param name="identityToken">A refresh token for OAuth2.</param>
/// <param name="registryToken">A ready Bearer token.</param>
public sealed class RegistryCredential(string user, Secret password, Secret identityToken = default, Secret registryToken = default) : IEquatable<RegistryCredential>
{
    /// <summary>No login at all: what is public.</summary>
    public static RegistryCredential Anonymous { get; } = new("", Secret.None);

    public string User { get; } = user;

    public Secret Password { get; } = password;

    public Secret IdentityToken { get; } = identityToken;

    public Secret RegistryToken { get; } = registryToken;

    public bool IsAnonymous => Equals(Anonymous);

    /// <summary>The parameter of <c>Authorization: Basic</c>.</summary>
    internal string BasicParameter => Convert.ToBase64String(System.Text.Encoding.UTF8.GetBytes($"{User}:{Password.Reveal()}"));

    /// <summary>A login as configuration files have it: user and password joined by a colon, in base 64; null if it is none.</summary>
    public static RegistryCredential? FromBasic(string auth)
    {
        try
        {
            string pair = System.Text.Encoding.UTF8.GetString(Convert.FromBase64String(auth)).TrimEnd('\0');
            int colon = pair.IndexOf(':', StringComparison.Ordinal);
            return colon > 0 ? new RegistryCredential(pair[..colon], new Secret(pair[(colon + 1)..])) : null;
        }
        catch (FormatException)
        {
            return null; // the text is a secret and is not shown
        }
    }

    public bool Equals(RegistryCredential? other) =>
        other is not null && User == other.User && Password == other.Password && IdentityToken == other.IdentityToken && RegistryToken == other.RegistryToken;

    public override bool Equals(object? obj) => Equals(obj as RegistryCredential);

    public override int GetHashCode() => HashCode.Combine(User, Password, IdentityToken, RegistryToken);

    public override string ToString() => IsAnonymous ? "no login" : $"login of {(User.Length == 0 ? "token" : User)}";
}
