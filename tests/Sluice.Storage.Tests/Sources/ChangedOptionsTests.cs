using Sluice.Storage.Sources;
using Sluice.Storage.Sources.Registries;
using Sluice.Testing;

namespace Sluice.Storage.Tests.Sources;

/// <summary>What a change of options costs a registry for which nothing has changed: nothing.</summary>
public sealed class ChangedOptionsTests : IAsyncDisposable
{
    private readonly TemporaryDirectory _directory = new();
    private readonly SampleImage _image = new();
    private readonly StubRegistry _registry;

    public ChangedOptionsTests() => _registry = new StubRegistry(_image) { Basic = "me:one" };

    public async ValueTask DisposeAsync()
    {
        await _registry.DisposeAsync();
        _directory.Dispose();
    }

    [Fact]
    public async Task A_login_is_not_asked_for_again_unless_logins_come_from_elsewhere_or_the_host_is_asked_otherwise()
    {
        string hosts = _directory.File("hosts"), logins = WriteLogins("one.json");
        SourceOptions options = StubRegistry.Quick with { AuthFile = logins, HostDirectories = [hosts] };
        using RegistryConnections connections = new(options);
        await using IImageStore store = _registry.Open(options with { Connections = connections });
        Assert.Equal(1, await RefusalsAsync(store));
        connections.Prepare(options with { Attempts = 4 })();
        Assert.Equal(0, await RefusalsAsync(store));

        options = options with { AuthFile = WriteLogins("two.json") };
        connections.Prepare(options)();
        Assert.Equal(1, await RefusalsAsync(store));

        string file = Path.Combine(hosts, _registry.Proxy.Authority, "hosts.toml");
        Directory.CreateDirectory(Path.GetDirectoryName(file)!);
        await File.WriteAllTextAsync(file, $"[host.\"http://{_registry.Proxy.Authority}\"]\n[host.\"http://{_registry.Proxy.Authority}\".header]\nx-mine = \"1\"\n", TestContext.Current.CancellationToken);
        connections.Prepare(options)();
        Assert.NotEqual(0, await RefusalsAsync(store));
        connections.Prepare(options)();
        Assert.Equal(0, await RefusalsAsync(store));
    }

    [Fact]
    public void A_pool_goes_on_unless_something_has_changed_for_it()
    {
        string certificate = _directory.File("ca.crt");
        File.WriteAllText(certificate, TestCertificates.Authority);
        Uri address = new("https://r.example/v2"), local = new("http://127.0.0.1:1/v2");
        TlsSettings own = new(Authorities: certificate);
        using RegistryConnections connections = new(StubRegistry.Quick);
        HttpMessageInvoker plain = connections.For(address, TlsSettings.System), trusting = connections.For(address, own), direct = connections.For(local, TlsSettings.System);
        connections.Prepare(StubRegistry.Quick with { Attempts = 4 })();
        Assert.Same(plain, connections.For(address, TlsSettings.System));
        Assert.Same(trusting, connections.For(address, own));

        File.AppendAllText(certificate, "\n");
        SourceOptions options = StubRegistry.Quick with { Attempts = 5 };
        connections.Prepare(options)();
        Assert.Same(plain, connections.For(address, TlsSettings.System));
        Assert.NotSame(trusting, connections.For(address, own));

        options = options with { Proxy = new ProxySettings("http://127.0.0.1:9", "http://127.0.0.1:9", null) };
        connections.Prepare(options)();
        Assert.NotSame(plain, connections.For(address, TlsSettings.System));
        Assert.Same(direct, connections.For(local, TlsSettings.System)); // loopback goes over no proxy

        connections.Prepare(options with { ConnectionsPerHost = 3 })();
        Assert.NotSame(direct, connections.For(local, TlsSettings.System));
    }

    private string WriteLogins(string name)
    {
        string path = _directory.File(name), login = Convert.ToBase64String("me:one"u8);
        File.WriteAllText(path, $"{{\"auths\":{{\"{_registry.Proxy.Authority}\":{{\"auth\":\"{login}\"}}}}}}");
        return path;
    }

    /// <summary>Reads, and says how often that went out without a login.</summary>
    private async Task<int> RefusalsAsync(IImageStore store)
    {
        int before = _registry.Proxy.Requests.Count;
        await store.ReadAsync(_image.LayerDescriptor.Digest, 0, new byte[16], TestContext.Current.CancellationToken);
        return _registry.Proxy.Requests.Skip(before).Count(request => request.Header("Authorization") is null);
    }
}
