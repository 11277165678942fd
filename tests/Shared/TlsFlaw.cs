namespace Sluice.Testing;

/// <summary>How a <see cref="FaultProxy"/> speaks https.</summary>
internal enum TlsFlaw
{
    /// <summary>Well: its certificate is of <see cref="TestCertificates.Authority"/>.</summary>
    None,

    /// <summary>The certificate is of yesterday.</summary>
    Expired,

    /// <summary>The certificate is another host's.</summary>
    OtherHost,

    /// <summary>Nobody knows who made the certificate.</summary>
    UnknownAuthority,

    /// <summary>RST in the middle of the handshake.</summary>
    HandshakeAborted,
}
