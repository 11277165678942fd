using Sluice.Formats;
using Sluice.Storage.Sources;
using Sluice.Testing;

namespace Sluice.Storage.Tests.Sources.Credentials;

/// <summary>What a refusal costs: a bounded number of requests, and an error that names the registry.</summary>
[System.Runtime.Versioning.SupportedOSPlatform("linux")]
[Collection(PathCollection.Name)]
public sealed class RefusalTests : IAsyncDisposable
{
    private readonly AskingRegistry _registry = new();

    public ValueTask DisposeAsync() => _registry.DisposeAsync();

    [Theory]
    [InlineData("", 4)]
    [InlineData(",error=\"insufficient_scope\"", 2)]
    public async Task A_registry_that_refuses_every_token_is_asked_a_few_times(string more, int requests)
    {
        _registry.AcceptTokensOf("me:one");
        int issued = 0;
        _registry.Tokens.Respond = _ => ProxyResponse.Json($$"""{"token":"never-good-{{++issued}}"}""");
        _registry.Proxy.Respond = _ => new ProxyResponse(401, []) { Headers = { ["WWW-Authenticate"] = $"Bearer realm=\"{_registry.Tokens.Address}\"{more}" } };
        await using IImageStore store = _registry.Open(StubRegistry.Quick with { AuthFile = _registry.Write("auth.json", _registry.Entry("me:one")) });
        SluiceException error = await _registry.FailAsync(store);
        Assert.Equal(SluiceError.Unauthorized, error.Error);
        Assert.Equal($"registry {_registry.Host}", error.Culprit);
        Assert.Equal(requests, _registry.Proxy.Requests.Count);
    }

    [Fact]
    public async Task Everything_is_asked_anew_before_giving_up_and_never_in_a_storm()
    {
        _registry.AcceptBasic("me:one");
        string calls = _registry.Directory.File("calls");
        _registry.WriteProgram("docker-credential-refused", $"cat >/dev/null; echo x >>{calls}\n" + """echo '{"Username":"me","Secret":"old"}'""");
        string? path = Environment.GetEnvironmentVariable("PATH");
        Environment.SetEnvironmentVariable("PATH", $"{_registry.Directory.Path}:{path}");
        try
        {
            await using IImageStore store = _registry.Open(StubRegistry.Quick with { AuthFile = _registry.Write("auth.json", """{"credsStore":"refused"}""") });
            for (int read = 0; read < 5; read++) Assert.Equal(SluiceError.Unauthorized, (await _registry.FailAsync(store)).Error);
            Assert.Single(await File.ReadAllLinesAsync(calls));
            _registry.Time.Advance(TimeSpan.FromSeconds(2));
            await _registry.FailAsync(store);
            Assert.Equal(2, (await File.ReadAllLinesAsync(calls)).Length);
        }
        finally
        {
            Environment.SetEnvironmentVariable("PATH", path);
        }
    }
}
