namespace Sluice.Storage.Sources.Registries;

/// <summary>Why a host of a registry could not be talked to.</summary>
public enum HostTrouble
{
    None,

    /// <summary>Its name has no address.</summary>
    Name,

    /// <summary>Nobody answers at its address.</summary>
    Unreachable,

    /// <summary>The HTTP proxy in between can't be reached, or refuses.</summary>
    Proxy,

    /// <summary>It does not speak https.</summary>
    NoTls,

    /// <summary>Its certificate has ended, or begins later.</summary>
    CertificateTime,

    /// <summary>Its certificate is signed by nobody whom this machine trusts.</summary>
    CertificateAuthority,

    /// <summary>Its certificate is for other names.</summary>
    CertificateName,

    /// <summary>Something else.</summary>
    Other,
}
