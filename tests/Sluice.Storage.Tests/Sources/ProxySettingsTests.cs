using System.Net;
using Sluice.Formats;
using Sluice.Storage.Sources;
using Sluice.Storage.Sources.Registries;
using Sluice.Testing;

namespace Sluice.Storage.Tests.Sources;

public sealed class ProxySettingsTests
{
    [Theory]
    [InlineData("https://ghcr.io/v2", "", true)]
    [InlineData("https://ghcr.io/v2", "*", false)]
    [InlineData("https://ghcr.io/v2", "ghcr.io", false)]
    [InlineData("https://ghcr.io/v2", "other.io, ghcr.io:443", false)]
    [InlineData("https://ghcr.io/v2", "ghcr.io:5000", true)]
    [InlineData("https://a.ghcr.io/v2", "ghcr.io", false)]
    [InlineData("https://a.ghcr.io/v2", ".ghcr.io", false)]
    [InlineData("https://ghcr.io/v2", ".ghcr.io", true)]
    [InlineData("https://notghcr.io/v2", "ghcr.io", true)]
    [InlineData("https://a.b.test/v2", "*.b.test", false)]
    [InlineData("https://10.1.2.3:5000/v2", "10.0.0.0/8", false)]
    [InlineData("https://11.1.2.3:5000/v2", "10.0.0.0/8", true)]
    [InlineData("https://10.1.2.3:5000/v2", "10.1.2.3:5000", false)]
    [InlineData("https://10.1.2.3:5000/v2", "10.1.2.3:5001", true)]
    [InlineData("https://[fd00::1]:5000/v2", "fd00::/8", false)]
    [InlineData("https://[fd00::1]:5000/v2", "[fd00::1]:5000", false)]
    [InlineData("https://[fd00::2]:5000/v2", "[fd00::1]", true)]
    public void Exceptions_mean_what_they_mean_to_containerd(string address, string exceptions, bool proxied)
    {
        ProxySettings proxy = new("http://one:1", "http://two:2", exceptions);
        Assert.Equal(proxied ? new Uri("http://two:2") : null, proxy.GetProxy(new Uri(address)));
    }

    [Fact]
    public void The_password_goes_to_the_proxy_and_nowhere_else()
    {
        ProxySettings proxy = new(null, "http://me:s%40cret@proxy:3128", null);
        Uri address = proxy.GetProxy(new Uri("https://ghcr.io/"))!;
        Assert.DoesNotContain("cret", address.ToString(), StringComparison.Ordinal);
        NetworkCredential? login = proxy.GetCredential(address, "Basic");
        Assert.Equal(("me", "s@cret"), (login!.UserName, login.Password));
        Assert.Null(proxy.GetCredential(new Uri("http://other:3128"), "Basic"));
        Assert.Null(proxy.GetProxy(new Uri("http://ghcr.io/")));
        SluiceException error = Assert.Throws<SluiceException>(() => new ProxySettings("ftp://me:secret@proxy", null, null));
        Assert.DoesNotContain("secret", error.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Requests_go_over_the_proxy_with_its_password()
    {
        SampleImage image = new();
        await using FaultProxy proxy = new();
        proxy.Respond = request => request.Header("Proxy-Authorization") == "Basic " + Convert.ToBase64String("me:secret"u8)
            ? ProxyResponse.Content(request, image.Layer)
            : new ProxyResponse(407, []) { Headers = { ["Proxy-Authenticate"] = "Basic realm=\"p\"" } };
        await using RegistryStore store = new("registry.test", "r", StubRegistry.Quick with { PlainHttp = true, Proxy = new ProxySettings($"http://me:secret@{proxy.Authority}", null, null) });
        byte[] part = new byte[100];
        await store.ReadAsync(image.LayerDescriptor.Digest, 50, part, default);
        Assert.Equal(image.Layer[50..150], part);
        Assert.All(proxy.Requests, request => Assert.StartsWith("http://registry.test/v2/r/blobs/", request.Target, StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_proxy_that_is_away_is_named()
    {
        await using RegistryStore store = new("registry.test", "r", StubRegistry.Quick with { PlainHttp = true, Attempts = 1, Proxy = new ProxySettings("http://me:secret@127.0.0.1:1", null, null) });
        SluiceException error = await Assert.ThrowsAnyAsync<SluiceException>(() => store.GetManifestAsync("v1", default));
        Assert.Contains("proxy 127.0.0.1:1", error.Message, StringComparison.Ordinal);
        Assert.Contains("registry.proxy", error.Hint, StringComparison.Ordinal);
        Assert.DoesNotContain("secret", error.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_proxy_that_lets_nobody_through_is_named()
    {
        await using FaultProxy proxy = new();
        proxy.Respond = static _ => new ProxyResponse(403, []);
        await using RegistryStore store = new("registry.test", "r", StubRegistry.Quick with { Attempts = 1, Proxy = new ProxySettings(null, $"http://{proxy.Authority}", null) });
        SluiceException error = await Assert.ThrowsAnyAsync<SluiceException>(() => store.GetManifestAsync("v1", default));
        Assert.Contains("403", error.Message, StringComparison.Ordinal);
        Assert.Contains("no_proxy", error.Hint, StringComparison.Ordinal);
        Assert.Equal("CONNECT", Assert.Single(proxy.Requests).Method);
    }
}
