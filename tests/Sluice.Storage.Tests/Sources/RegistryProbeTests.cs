using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Sluice.Formats;
using Sluice.Storage.Sources;
using Sluice.Storage.Sources.Registries;
using Sluice.Testing;

namespace Sluice.Storage.Tests.Sources;

/// <summary>Against servers with real certificates.</summary>
public sealed class RegistryProbeTests : IDisposable
{
    private const string Registry = "r.example";

    private static readonly DateTimeOffset Now = DateTimeOffset.UtcNow;

    private readonly TemporaryDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    [Fact]
    public async Task A_host_that_is_trusted_answers_with_its_clock()
    {
        using X509Certificate2 certificate = Make("127.0.0.1", Now.AddDays(-1), Now.AddDays(1));
        await File.WriteAllTextAsync(_directory.File("ca.pem"), certificate.ExportCertificatePem(), TestContext.Current.CancellationToken);
        HostAnswer answer = await AskAsync(certificate, $"ca = \"{_directory.File("ca.pem")}\"\n");
        Assert.Equal((HostTrouble.None, new DateTimeOffset(2026, 1, 2, 3, 4, 5, TimeSpan.Zero)), (answer.Trouble, answer.Date));
    }

    [Fact]
    public async Task A_certificate_of_nobody_is_told_from_one_that_has_ended_and_one_for_other_names()
    {
        using X509Certificate2 own = Make("127.0.0.1", Now.AddDays(-1), Now.AddDays(1)), ended = Make("127.0.0.1", Now.AddDays(-9), Now.AddDays(-1)), later = Make("127.0.0.1", Now.AddDays(1), Now.AddDays(9)), other = Make("10.9.8.7", Now.AddDays(-1), Now.AddDays(1));
        Assert.Equal(HostTrouble.CertificateAuthority, (await AskAsync(own)).Trouble);
        Assert.Equal(HostTrouble.CertificateTime, (await AskAsync(ended)).Trouble);
        Assert.True((await AskAsync(later)).CertificateEnds > Now);
        HostAnswer wrong = await AskAsync(other);
        Assert.Equal(HostTrouble.CertificateName, wrong.Trouble);
        Assert.Contains("10.9.8.7", wrong.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_host_that_speaks_http_and_one_that_does_not_listen_are_told_apart()
    {
        Assert.Equal(HostTrouble.NoTls, (await AskAsync(null)).Trouble);
        Describe("https://127.0.0.1:9/v2");
        Assert.Equal(HostTrouble.Unreachable, (await ProbeAsync()).Trouble);
        Describe("https://127.0.0.1:9", "rubbish");
        Assert.StartsWith(_directory.File($"{Registry}/hosts.toml:3"), (await Assert.ThrowsAsync<SluiceException>(ProbeAsync)).Culprit, StringComparison.Ordinal);
    }

    private async Task<HostAnswer> AskAsync(X509Certificate2? certificate, string settings = "")
    {
        using TcpListener listener = new(IPAddress.Loopback, 0);
        listener.Start();
        Task served = ServeAsync(listener, certificate);
        Describe($"https://127.0.0.1:{((IPEndPoint)listener.LocalEndpoint).Port}", settings);
        HostAnswer answer = await ProbeAsync();
        listener.Stop();
        await served;
        return answer;
    }

    private async Task<HostAnswer> ProbeAsync() =>
        Assert.Single(await new RegistryProbe(new SourceOptions { HostDirectories = [_directory.Path] }, TimeSpan.FromSeconds(30)).AskAsync(Registry, TestContext.Current.CancellationToken));

    private void Describe(string server, string settings = "")
    {
        Directory.CreateDirectory(_directory.File(Registry));
        File.WriteAllText(_directory.File($"{Registry}/hosts.toml"), $"# a host\nserver = \"{server}\"\n{settings}");
    }

    private static async Task ServeAsync(TcpListener listener, X509Certificate2? certificate)
    {
        try
        {
            while (true)
            {
                using TcpClient client = await listener.AcceptTcpClientAsync();
                try
                {
                    await using Stream stream = certificate is null ? client.GetStream() : new SslStream(client.GetStream());
                    if (stream is SslStream tls) await tls.AuthenticateAsServerAsync(certificate!);
                    byte[] request = new byte[4096];
                    if (await stream.ReadAsync(request) == 0) continue;
                    await stream.WriteAsync(Encoding.ASCII.GetBytes($"HTTP/1.1 {(certificate is null ? "400 Bad Request" : "200 OK")}\r\nDate: Fri, 02 Jan 2026 03:04:05 GMT\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"));
                }
                catch (Exception error) when (error is IOException or System.Security.Authentication.AuthenticationException)
                {
                    // The client did not like the certificate.
                }
            }
        }
        catch (Exception error) when (error is SocketException or ObjectDisposedException or InvalidOperationException)
        {
            // Stopped.
        }
    }

    private static X509Certificate2 Make(string address, DateTimeOffset from, DateTimeOffset to)
    {
        using ECDsa key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        CertificateRequest request = new($"CN={address}", key, HashAlgorithmName.SHA256);
        SubjectAlternativeNameBuilder names = new();
        names.AddIpAddress(IPAddress.Parse(address));
        request.CertificateExtensions.Add(names.Build());
        using X509Certificate2 certificate = request.CreateSelfSigned(from, to);
        return X509CertificateLoader.LoadPkcs12(certificate.Export(X509ContentType.Pkcs12), null);
    }
}
