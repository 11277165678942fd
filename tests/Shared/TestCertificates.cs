using System.Collections.Concurrent;
using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Sluice.Testing;

/// <summary>A certificate authority of the test process and the certificates that it makes for servers on 127.0.0.1.</summary>
internal static class TestCertificates
{
    private static readonly Lazy<X509Certificate2> Known = new(() => CreateAuthority("known"));
    private static readonly Lazy<X509Certificate2> Unknown = new(() => CreateAuthority("unknown"));
    private static readonly ConcurrentDictionary<TlsFlaw, X509Certificate2> Certificates = new();

    /// <summary>In PEM, for <c>ca</c> of a <c>hosts.toml</c>.</summary>
    public static string Authority => Known.Value.ExportCertificatePem();

    public static X509Certificate2 For(TlsFlaw flaw) => Certificates.GetOrAdd(flaw, Create);

    private static X509Certificate2 CreateAuthority(string name)
    {
        using ECDsa key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        CertificateRequest request = new($"CN={name} test authority", key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(certificateAuthority: true, hasPathLengthConstraint: false, 0, critical: true));
        return request.CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-30), DateTimeOffset.UtcNow.AddDays(30));
    }

    private static X509Certificate2 Create(TlsFlaw flaw)
    {
        using ECDsa key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        CertificateRequest request = new("CN=test server", key, HashAlgorithmName.SHA256);
        SubjectAlternativeNameBuilder names = new();
        if (flaw == TlsFlaw.OtherHost) names.AddDnsName("other.example");
        else names.AddIpAddress(IPAddress.Loopback);
        request.CertificateExtensions.Add(names.Build());
        request.CertificateExtensions.Add(new X509EnhancedKeyUsageExtension([new Oid("1.3.6.1.5.5.7.3.1") /* server authentication */], critical: false));
        DateTimeOffset end = DateTimeOffset.UtcNow.AddDays(flaw == TlsFlaw.Expired ? -1 : 20);
        X509Certificate2 authority = flaw == TlsFlaw.UnknownAuthority ? Unknown.Value : Known.Value;
        using X509Certificate2 certificate = request.Create(authority, DateTimeOffset.UtcNow.AddDays(-20), end, RandomNumberGenerator.GetBytes(8));
        return certificate.CopyWithPrivateKey(key);
    }
}
