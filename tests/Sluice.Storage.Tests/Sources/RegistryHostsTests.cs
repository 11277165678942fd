using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Sluice.Formats;
using Sluice.Formats.Toml;
using Sluice.Storage.Sources;
using Sluice.Storage.Sources.Registries;
using Sluice.Testing;

namespace Sluice.Storage.Tests.Sources;

public sealed class RegistryHostsTests : IDisposable
{
    private readonly TemporaryDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    [Theory]
    [InlineData("docker.io", "https://registry-1.docker.io/v2")]
    [InlineData("ghcr.io", "https://ghcr.io/v2")]
    [InlineData("example.com:5000", "https://example.com:5000/v2")]
    [InlineData("localhost:5000", "http://localhost:5000/v2")]
    [InlineData("127.0.0.2:5000", "http://127.0.0.2:5000/v2")]
    [InlineData("[::1]:5000", "http://[::1]:5000/v2")]
    [InlineData("localhost:443", "https://localhost/v2")]
    public void Without_configuration(string registry, string address)
    {
        RegistryHost host = Assert.Single(RegistryHosts.Resolve(registry, Options));
        Assert.Equal(address, host.Api.AbsoluteUri);
        Assert.False(host.IsMirror);
    }

    [Fact]
    public void A_full_hosts_file()
    {
        Write("example.com_5000_", """
            server = "https://upstream.example.com"   # with a comment
            capabilities = ["pull", "resolve", "push"]

            [host."http://mirror:8080"]
              capabilities = [ "pull",
                # lists may be long
                'resolve', ]
              skip_verify = true
            [host."http://mirror:8080".header]
              x-custom-1 = ["a", "b"]
              "x-custom-2" = "c\u0021"
            [host."https://second/prefix/v2"]
              ca = ["one.pem", "/abs/two.pem"]
              client = [["c.cert", "c.key"], ["d.pem", ""]]
              override_path = true
              dial_timeout = "5s"
              weight = 5
            [host."third/sub"]
              header = { Authorization = "Bearer x" }
              ca = "ca.pem"
            """);
        var hosts = RegistryHosts.Resolve("example.com:5000", Options);
        Assert.Equal(["http://mirror:8080/v2", "https://second/prefix/v2", "https://third/sub/v2", "https://upstream.example.com/v2"], hosts.Select(host => host.Api.AbsoluteUri));
        Assert.Equal(HostCapabilities.Pull | HostCapabilities.Resolve, hosts[0].Capabilities);
        Assert.True(hosts[0].Tls.SkipVerify);
        Assert.Equal([new("x-custom-1", "a"), new("x-custom-1", "b"), new("x-custom-2", "c!")], hosts[0].Headers);
        string directory = Path.Combine(_directory.Path, "example.com_5000_");
        Assert.Equal([Path.Combine(directory, "one.pem"), "/abs/two.pem"], hosts[1].Tls.AuthorityFiles);
        Assert.Equal([(Path.Combine(directory, "c.cert"), Path.Combine(directory, "c.key")), (Path.Combine(directory, "d.pem"), "")], hosts[1].Tls.ClientFiles);
        Assert.Equal(HostCapabilities.All, hosts[2].Capabilities);
        Assert.All(hosts, host => Assert.True(host.IsMirror));
        Assert.Equal("http://mirror:8080/v2/r/blobs/x?ns=example.com%3A5000", hosts[0].Address("r/blobs/x").AbsoluteUri);
    }

    [Theory]
    [InlineData("server = ", 1, "expected a value")]
    [InlineData("server = https://x", 1, "quotes")]
    [InlineData("\n\nserver = \"https://x\"\nserver = \"https://y\"", 4, "twice")]
    [InlineData("[host.\"https://x\"\ncapabilities = []", 1, "expected ']'")]
    [InlineData("[host.\"https://x\"]\n  capabilities = [\"fly\"]", 2, "'fly'")]
    [InlineData("[host.\"https://x\"]\n[host.\"https://x\"]", 2, "twice")]
    [InlineData("[host.\"https://x\"]\n\n  skip_verify = \"yes\"", 3, "true or false")]
    [InlineData("[[host]]", 1, "lists of tables")]
    [InlineData("\nserver = \"\"\"x", 2, "no end")]
    [InlineData("server = \"\"\"\nftp://x\"\"\"", 1, "no address")]
    [InlineData("server = \"x", 1, "no end")]
    [InlineData("server = \"\\q\"", 1, "escape")]
    [InlineData("[host]\n\"ftp://x\" = {}\n", 2, "no address")]
    [InlineData("[host.\"https://x\".header]\na = \"b\\r\\nc\"", 2, "can't have")]
    [InlineData("server = \"https://x\" junk", 1, "end of the line")]
    public void Errors_name_file_and_line(string content, int line, string message)
    {
        Write("bad.test", content);
        SluiceException error = Assert.Throws<SluiceException>(() => RegistryHosts.Resolve("bad.test", Options));
        Assert.Equal(SluiceError.Configuration, error.Error);
        Assert.Equal($"{Path.Combine(_directory.Path, "bad.test", "hosts.toml")}:{line}", error.Culprit);
        Assert.Contains(message, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Mutated_files_end_in_hosts_or_in_an_error()
    {
        const string Good = "server = \"https://u\"\n[host.\"http://m:1\"]\n  capabilities = [\"pull\", \"resolve\"]\n  ca = ['a', \"b\"]\n[host.\"http://m:1\".header]\n x = { y = [[1], true] }\n";
        Random random = new(5);
        for (int i = 0; i < 3000; i++)
        {
            char[] text = Good.ToCharArray();
            for (int n = random.Next(4); n >= 0; n--) text[random.Next(text.Length)] = (char)random.Next(0, 128);
            string mutated = new(text, 0, random.Next(text.Length + 1));
            try
            {
                new TomlReader(mutated, "f").Read();
            }
            catch (SluiceException error)
            {
                Assert.StartsWith("f:", error.Culprit, StringComparison.Ordinal);
            }
        }
    }

    [Fact]
    public void The_rest_of_toml_that_containerd_uses_is_read()
    {
        TomlTable root = new TomlReader("version = 3\n[[a.b]]\nx = 'one'\n[[a.b]]\nx = \"\"\"two\nlines\"\"\"\ny = true\n[a.c]\nz = 1_000\n", "f").Read();
        Assert.Equal(3L, root.Get("version")!.Content);
        TomlTable[] items = [.. root.Table("a")!.Get("b")!.AsList("f").Select(item => (TomlTable)item.Content!)];
        Assert.Equal(["one", "two\nlines"], items.Select(item => item.Get("x")!.AsText("f")));
        Assert.Equal((8, 1000L), (items[1].Get("y")!.Line + 1, root.Table("a")!.Table("c")!.Get("z")!.Content));
        Assert.Throws<SluiceException>(() => new TomlReader("a = 1\n[[a]]", "f").Read());
    }

    [Fact]
    public async Task Mirrors_come_first_and_the_registry_helps_out()
    {
        SampleImage image = new();
        await using StubRegistry upstream = new(image), mirror = new(image);
        Write(upstream.Proxy.Authority, $"server = \"{upstream.Proxy.Address}\"\n[host.\"{mirror.Proxy.Address}\"]\ncapabilities=[\"pull\"]\n[host.\"{mirror.Proxy.Address}\".header]\nx-key = \"k\"");
        await using IImageStore store = upstream.Open(StubRegistry.Quick with { HostDirectories = [_directory.Path] });
        byte[] part = new byte[100];
        await store.ReadAsync(image.LayerDescriptor.Digest, 0, part, default);
        Assert.Empty(upstream.Proxy.Requests);
        Assert.Equal("k", Assert.Single(mirror.Proxy.Requests).Header("x-key"));
        Assert.Contains("ns=", mirror.Proxy.Requests.First().Target, StringComparison.Ordinal);
        await store.GetManifestAsync("v1", default);
        Assert.Single(upstream.Proxy.Requests);
        mirror.Proxy.Always = _ => new Fault(FaultKind.Reset);
        await store.ReadAsync(image.LayerDescriptor.Digest, 0, part, default);
        Assert.Equal(2, upstream.Proxy.Requests.Count);
        int before = mirror.Proxy.Requests.Count;
        await store.ReadAsync(image.LayerDescriptor.Digest, 0, part, default);
        Assert.Equal(before, mirror.Proxy.Requests.Count);
        Assert.Null(upstream.Proxy.Requests.Last().Header("x-key"));
    }

    [Fact]
    public async Task A_mirror_that_ignores_ranges_is_left_for_the_registry()
    {
        SampleImage image = new(1, layerSize: 6 << 20);
        await using StubRegistry upstream = new(image), mirror = new(image);
        mirror.Proxy.Always = _ => new Fault(FaultKind.IgnoreRange);
        Write(upstream.Proxy.Authority, $"server = \"{upstream.Proxy.Address}\"\n[host.\"{mirror.Proxy.Address}\"]");
        await using IImageStore store = upstream.Open(StubRegistry.Quick with { HostDirectories = [_directory.Path] });
        byte[] part = new byte[100];
        await store.ReadAsync(image.LayerDescriptor.Digest, 5 << 20, part, default);
        Assert.Equal(image.Layer[(5 << 20)..((5 << 20) + 100)], part);
        Assert.Single(upstream.Proxy.Requests);
    }

    [Fact]
    public async Task Certificates_decide_over_https()
    {
        using RSA key = RSA.Create(2048);
        CertificateRequest request = new("CN=localhost", key, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1);
        SubjectAlternativeNameBuilder names = new();
        names.AddDnsName("localhost");
        request.CertificateExtensions.Add(names.Build());
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        using X509Certificate2 made = request.CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(1));
        using X509Certificate2 certificate = X509CertificateLoader.LoadPkcs12(made.Export(X509ContentType.Pkcs12), null);
        using TcpListener listener = new(IPAddress.Loopback, 0);
        listener.Start();
        using CancellationTokenSource stop = new();
        Task serving = ServeTlsAsync(listener, certificate, stop.Token);
        string authority = $"localhost:{((IPEndPoint)listener.LocalEndpoint).Port}";
        SourceOptions options = StubRegistry.Quick with { HostDirectories = [_directory.Path], Attempts = 1 };

        Write(authority, $"server = \"https://{authority}\"");
        SluiceException untrusted = await ReadManifestAsync(authority, options);
        Assert.Contains("certificate not accepted", untrusted.Message, StringComparison.Ordinal);
        Write(authority, $"server = \"https://{authority}\"\nca = \"ca.crt\"");
        await File.WriteAllTextAsync(Path.Combine(_directory.Path, authority, "ca.crt"), certificate.ExportCertificatePem());
        Assert.Equal(SluiceError.NotFound, (await ReadManifestAsync(authority, options)).Error);
        Write(authority, $"server = \"https://{authority}\"\nskip_verify = true");
        Assert.Equal(SluiceError.NotFound, (await ReadManifestAsync(authority, options)).Error);
        File.Delete(Path.Combine(_directory.Path, authority, "hosts.toml"));
        Assert.Equal(SluiceError.NotFound, (await ReadManifestAsync(authority, options)).Error);
        Write(authority, $"server = \"https://{authority}\"\nca = \"missing.crt\"");
        Assert.Equal(SluiceError.Configuration, (await ReadManifestAsync(authority, options)).Error);
        await stop.CancelAsync();
        listener.Stop();
        await serving;
    }

    [Fact]
    public async Task Https_to_an_http_registry_gets_a_hint()
    {
        await using FaultProxy plain = new();
        Write(plain.Authority, $"server = \"https://{plain.Authority}\"");
        SluiceException error = await ReadManifestAsync(plain.Authority, StubRegistry.Quick with { HostDirectories = [_directory.Path], Attempts = 1 });
        Assert.Contains("--plain-http", error.Hint, StringComparison.Ordinal);
    }

    [Fact]
    public void A_directory_that_goes_while_it_is_read_is_named()
    {
        string gone = Path.Combine(_directory.Path, "gone");
        SluiceException error = Assert.Throws<SluiceException>(() => RegistryHosts.Files(gone, "*.crt"));
        Assert.Equal((SluiceError.Configuration, gone), (error.Error, error.Culprit));
    }

    private static async Task<SluiceException> ReadManifestAsync(string authority, SourceOptions options)
    {
        await using RegistryStore store = new(authority, "r", options);
        return await Assert.ThrowsAnyAsync<SluiceException>(() => store.GetManifestAsync("v1", default));
    }

    /// <summary>Answers 404 to everything.</summary>
    private static async Task ServeTlsAsync(TcpListener listener, X509Certificate2 certificate, CancellationToken stop)
    {
        while (!stop.IsCancellationRequested)
        {
            try
            {
                using TcpClient client = await listener.AcceptTcpClientAsync(stop);
                await using SslStream tls = new(client.GetStream());
                await tls.AuthenticateAsServerAsync(certificate);
                byte[] buffer = new byte[4096];
                _ = await tls.ReadAsync(buffer, stop);
                await tls.WriteAsync("HTTP/1.1 404 No\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"u8.ToArray(), stop);
            }
            catch (Exception error) when (error is OperationCanceledException or IOException or System.Security.Authentication.AuthenticationException or SocketException)
            {
                // The client did not like the certificate, or the test is over.
            }
        }
    }

    private SourceOptions Options => new() { HostDirectories = [_directory.Path] };

    private void Write(string registry, string content)
    {
        string directory = Path.Combine(_directory.Path, registry);
        Directory.CreateDirectory(directory);
        File.WriteAllText(Path.Combine(directory, "hosts.toml"), content);
    }
}
