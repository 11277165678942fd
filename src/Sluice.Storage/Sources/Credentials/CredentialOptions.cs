namespace Sluice.Storage.Sources.Credentials;

/// <summary>Where logins come from besides the login file of Docker and skopeo. They are asked in this order, the login file last; see docs/credentials.md.</summary>
public sealed record CredentialOptions
{
    /// <summary>What containerd was given with pulls; null: not known here.</summary>
    public RememberedLogins? Remembered { get; init; }

    /// <summary>Files and directories of Kubernetes secrets.</summary>
    public IReadOnlyList<string> SecretFiles { get; init; } = [];

    public IReadOnlyList<CredentialProvider> Providers { get; init; } = [];
}
