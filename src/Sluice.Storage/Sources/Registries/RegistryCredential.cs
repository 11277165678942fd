namespace Sluice.Storage.Sources.Registries;

/// <summary>A login. A class, not a record, so that no secret is ever printed by accident.</summary>
internal sealed class RegistryCredential(string user, string secret, string? identityToken = null, string? registryToken = null)
{
    public string User { get; } = user;

    /// <summary>Password; empty if there is an <see cref="IdentityToken"/> or <see cref="RegistryToken"/>.</summary>
    public string Secret { get; } = secret;

    /// <summary>A refresh token for OAuth2; null if there is none.</summary>
    public string? IdentityToken { get; } = identityToken;

    /// <summary>A ready Bearer token; null if there is none.</summary>
    public string? RegistryToken { get; } = registryToken;

    public override string ToString() => $"login of {(User.Length == 0 ? "token" : User)}";
}
