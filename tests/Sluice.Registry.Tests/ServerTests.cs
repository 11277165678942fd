using System.Net;
using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Sluice.Formats;
using Sluice.Testing;

namespace Sluice.Registry.Tests;

public sealed class ServerTests
{
    [Fact]
    public async Task AsksForThePassword()
    {
        await using RunningRegistry registry = await RunningRegistry.StartAsync(options => options with { User = "ann", Password = "s:cret" });
        HttpResponseMessage response = await registry.GetAsync("/v2/");
        Assert.StartsWith("Basic realm=", response.Header("WWW-Authenticate"), StringComparison.Ordinal);
        await registry.GetAsync("/v2/").FailsAsync(401, "UNAUTHORIZED");
        foreach (string wrong in (string[])["ann:secret", "ann:", "bob:s:cret", "", "ann:s:cret "])
            await registry.GetAsync("/v2/a/tags/list", ("Authorization", Basic(wrong))).FailsAsync(401, "UNAUTHORIZED");
        await registry.GetAsync("/v2/", ("Authorization", "Basic %%%")).FailsAsync(401, "UNAUTHORIZED");
        await registry.GetAsync("/v2/", ("Authorization", "Bearer abc")).FailsAsync(401, "UNAUTHORIZED");
        await registry.GetAsync("/v2/", ("Authorization", Basic("ann:s:cret"))).SucceedsAsync(200);
    }

    [Fact]
    public async Task SpeaksTls()
    {
        using TemporaryDirectory directory = new();
        using ECDsa key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        CertificateRequest request = new("CN=localhost", key, HashAlgorithmName.SHA256);
        using X509Certificate2 certificate = request.CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(1));
        await File.WriteAllTextAsync(directory.File("cert.pem"), certificate.ExportCertificatePem(), TestContext.Current.CancellationToken);
        await File.WriteAllTextAsync(directory.File("key.pem"), key.ExportPkcs8PrivateKeyPem(), TestContext.Current.CancellationToken);
        await using RunningRegistry registry = await RunningRegistry.StartAsync(
            options => options with { CertificateFile = directory.File("cert.pem"), KeyFile = directory.File("key.pem") });
        Assert.Equal("https", registry.Server.Address.Scheme);

        using SocketsHttpHandler handler = new();
        handler.SslOptions.RemoteCertificateValidationCallback = (_, offered, _, errors) =>
            errors.HasFlag(SslPolicyErrors.RemoteCertificateChainErrors) && offered!.GetCertHashString() == certificate.GetCertHashString();
        using HttpClient client = new(handler) { BaseAddress = registry.Server.Address };
        await client.GetAsync("/v2/", TestContext.Current.CancellationToken).SucceedsAsync(200);

        await FailsToStartAsync(new RegistryOptions { Directory = directory.File("r"), CertificateFile = directory.File("cert.pem") });
        await FailsToStartAsync(new RegistryOptions { Directory = directory.File("r"), CertificateFile = directory.File("none"), KeyFile = directory.File("key.pem") });
        await FailsToStartAsync(new RegistryOptions { Directory = directory.File("r"), CertificateFile = directory.File("key.pem"), KeyFile = directory.File("key.pem") });
    }

    [Fact]
    public async Task OneProcessServesADirectoryAndAPort()
    {
        await using RunningRegistry registry = await RunningRegistry.StartAsync();
        await FailsToStartAsync(new RegistryOptions { Directory = registry.Directory, Listen = new IPEndPoint(IPAddress.Loopback, 0) });
        using TemporaryDirectory other = new();
        await FailsToStartAsync(new RegistryOptions { Directory = other.Path, Listen = new IPEndPoint(IPAddress.Loopback, registry.Server.Port) });

        // The failed start let go of the directory.
        await using RunningRegistry second = await RunningRegistry.StartAsync(directory: other.Path);
    }

    [Fact]
    public async Task OtherDirectoriesAreLeftAlone()
    {
        using TemporaryDirectory directory = new();
        await File.WriteAllTextAsync(directory.File("registry"), "something else", TestContext.Current.CancellationToken);
        await FailsToStartAsync(new RegistryOptions { Directory = directory.Path });
        Assert.Equal("something else", await File.ReadAllTextAsync(directory.File("registry"), TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task TellsWhatIsAskedFor()
    {
        List<RegistryRequest> seen = [];
        await using RunningRegistry registry = await RunningRegistry.StartAsync(options => options with { Observe = seen.Add });
        await registry.GetAsync("/v2/a/tags/list?n=3", ("Range", "bytes=0-1"));
        Assert.Equal([new RegistryRequest("GET", "/v2/a/tags/list?n=3", "bytes=0-1")], seen);
    }

    private static string Basic(string credentials) => "Basic " + Convert.ToBase64String(Encoding.UTF8.GetBytes(credentials));

    private static async Task FailsToStartAsync(RegistryOptions options)
    {
        SluiceException e = await Assert.ThrowsAsync<SluiceException>(async () =>
        {
            await using RegistryServer server = await RegistryServer.StartAsync(options, TestContext.Current.CancellationToken);
        });
        Assert.Equal(SluiceError.Configuration, e.Error);
    }
}
