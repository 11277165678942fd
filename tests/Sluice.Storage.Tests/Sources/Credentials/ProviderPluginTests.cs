using System.Text.Json;
using Sluice.Formats;
using Sluice.Storage.Sources;
using Sluice.Storage.Sources.Credentials;

namespace Sluice.Storage.Tests.Sources.Credentials;

/// <summary>The kubelet's credential providers, as shell scripts.</summary>
[System.Runtime.Versioning.SupportedOSPlatform("linux")]
public sealed class ProviderPluginTests : IAsyncDisposable
{
    private const string Version = "credentialprovider.kubelet.k8s.io/v1";

    private readonly AskingRegistry _registry = new();

    private string Calls => _registry.Directory.File("calls");

    public ValueTask DisposeAsync() => _registry.DisposeAsync();

    [Fact]
    public async Task A_plugin_is_asked_as_the_kubelet_asks_and_its_answer_kept_as_long_as_it_says()
    {
        _registry.AcceptBasic("me:one");
        CredentialProvider plugin = Plugin("""{"kind":"CredentialProviderResponse","apiVersion":"VERSION","cacheKeyType":"Registry","cacheDuration":"1m0s","auth":{"HOST":{"username":"'$NAME'","password":"one"}}}""");
        await using IImageStore store = Open(plugin);
        await _registry.ReadAsync(store);
        string[] call = (await File.ReadAllTextAsync(Calls)).Split('\n');
        Assert.Equal("--region=x", call[0]);
        JsonElement request = JsonElement.Parse(call[1]);
        Assert.Equal("CredentialProviderRequest", request.GetProperty("kind").GetString());
        Assert.Equal(Version, request.GetProperty("apiVersion").GetString());
        Assert.Equal($"{_registry.Host}/r", request.GetProperty("image").GetString());
        _registry.Time.Advance(TimeSpan.FromSeconds(50));
        await _registry.ReadAsync(store);
        Assert.Equal(1, await CountAsync());
        _registry.Time.Advance(TimeSpan.FromSeconds(11));
        await _registry.ReadAsync(store);
        Assert.Equal(2, await CountAsync());
    }

    [Fact]
    public async Task An_image_that_no_pattern_fits_is_none_of_its_business()
    {
        _registry.AcceptBasic("me:one");
        await using IImageStore store = Open(Plugin("never") with { MatchImages = ["*.example.com", $"{_registry.Host}/other"] });
        Assert.Equal(SluiceError.Unauthorized, (await _registry.FailAsync(store)).Error);
        Assert.False(File.Exists(Calls));
    }

    [Theory]
    [InlineData("", "no CredentialProviderResponse")]
    [InlineData("password is PASSWORD", "no CredentialProviderResponse")]
    [InlineData("""{"kind":"CredentialProviderResponse","apiVersion":"other","cacheKeyType":"Image","auth":{"HOST":{"username":"me","password":"PASSWORD"}}}""", "another version")]
    [InlineData("""{"kind":"CredentialProviderResponse","apiVersion":"VERSION","cacheKeyType":"Moon","auth":{"HOST":{"username":"me","password":"PASSWORD"}}}""", "cacheKeyType")]
    [InlineData("""{"kind":"CredentialProviderResponse","apiVersion":"VERSION","cacheKeyType":"Image","cacheDuration":"soon","auth":{"HOST":{"username":"me","password":"PASSWORD"}}}""", "no CredentialProviderResponse")]
    [InlineData("""{"kind":"CredentialProviderResponse","apiVersion":"VERSION","cacheKeyType":"Image","auth":{"HOST":{"username":5}}}""", "no CredentialProviderResponse")]
    public async Task Nonsense_names_the_plugin_and_no_secret(string answer, string reason)
    {
        _registry.AcceptBasic("me:one");
        await using IImageStore store = Open(Plugin(answer.Replace("PASSWORD", "planted-secret", StringComparison.Ordinal)));
        SluiceException error = await _registry.FailAsync(store);
        Assert.Equal("credential program plugin", error.Culprit);
        Assert.Contains(reason, error.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("planted-secret", error.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_plugin_that_fails_for_a_moment_is_asked_again()
    {
        _registry.AcceptBasic("me:one");
        CredentialProvider plugin = Plugin("""{"kind":"CredentialProviderResponse","apiVersion":"VERSION","cacheKeyType":"Global","auth":{"HOST/r":{"username":"me","password":"one"}}}""");
        string program = await File.ReadAllTextAsync(plugin.Program);
        _registry.WriteProgram("plugin", program.Replace("#!/bin/sh\n", "", StringComparison.Ordinal) + $"\nif [ $(grep -c kind {Calls}) -lt 3 ]; then exit 1; fi\n");
        await using IImageStore store = Open(plugin);
        await _registry.ReadAsync(store);
    }

    private async Task<int> CountAsync() => (await File.ReadAllLinesAsync(Calls)).Count(line => line.Contains("kind", StringComparison.Ordinal));

    private IImageStore Open(CredentialProvider plugin) => _registry.Open(StubRegistry.Quick with { Credentials = new CredentialOptions { Providers = [plugin] } });

    private CredentialProvider Plugin(string answer)
    {
        answer = answer.Replace("HOST", _registry.Host, StringComparison.Ordinal).Replace("VERSION", Version, StringComparison.Ordinal);
        string program = _registry.WriteProgram("plugin", $"echo \"$@\" >>{Calls}; cat >>{Calls}; echo >>{Calls}\necho '{answer}'");
        return new CredentialProvider(program, [_registry.Host], TimeSpan.FromMinutes(1), Version, ["--region=x"], [new("NAME", "me")]);
    }
}
