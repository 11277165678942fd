using Sluice.Formats;
using Sluice.Storage.Sources;
using Sluice.Storage.Sources.Credentials;
using Sluice.Storage.Sources.Registries;
using Sluice.Storage.Tests.Sources.Credentials;
using Sluice.Testing;

namespace Sluice.Storage.Tests.Sources;

[System.Runtime.Versioning.SupportedOSPlatform("linux")]
[Collection(PathCollection.Name)]
public sealed class RegistryAuthTests : IAsyncDisposable
{
    private const string Password = "p4ss-secret";

    private readonly SampleImage _image = new();
    private readonly StubRegistry _registry;
    private readonly FaultProxy _tokens = new();
    private readonly TemporaryDirectory _directory = new();
    private int _issued;

    public RegistryAuthTests()
    {
        _registry = new StubRegistry(_image) { Realm = new Uri(_tokens.Address, "/token").AbsoluteUri };
        _tokens.Respond = _ => ProxyResponse.Json($$"""{"token":"{{_registry.Token = $"tok-{++_issued}"}}","expires_in":300}""");
    }

    public async ValueTask DisposeAsync()
    {
        await _registry.DisposeAsync();
        await _tokens.DisposeAsync();
        _directory.Dispose();
    }

    [Fact]
    public async Task A_token_is_fetched_once_and_renewed_when_refused()
    {
        _registry.Token = "tok-0";
        await using IImageStore store = _registry.Open();
        await Task.WhenAll(Enumerable.Range(0, 10).Select(i => ReadAsync(store, i * 100)));
        Assert.Equal(1, _issued);
        _registry.Token = "revoked";
        await Task.WhenAll(Enumerable.Range(0, 10).Select(i => ReadAsync(store, i * 100)));
        Assert.Equal(2, _issued);
        ProxyRequest asked = _tokens.Requests.First();
        Assert.Contains("service=stub", asked.Target, StringComparison.Ordinal);
        Assert.Contains("scope=repository%3Ar%3Apull", asked.Target, StringComparison.Ordinal);
        Assert.Null(asked.Header("Authorization"));
    }

    [Fact]
    public async Task A_token_is_renewed_in_the_middle_of_a_stream()
    {
        _registry.Token = "tok-0";
        _registry.Proxy.Inject("/blobs/", new Fault(FaultKind.None), new Fault(FaultKind.Truncate) { AfterBytes = 100_000 });
        await using IImageStore store = _registry.Open();
        await using Stream stream = await store.OpenBlobAsync(_image.LayerDescriptor, default);
        byte[] content = new byte[_image.Layer.Length];
        await stream.ReadExactlyAsync(content.AsMemory(0, 50_000));
        _registry.Token = "revoked";
        await stream.ReadExactlyAsync(content.AsMemory(50_000));
        Assert.Equal(_image.Layer, content);
        Assert.Equal(2, _issued);
    }

    [Fact]
    public async Task A_token_expires_by_the_clock()
    {
        ManualTime time = new();
        _registry.Token = "tok-0";
        await using IImageStore store = _registry.Open(StubRegistry.Quick with { Time = time });
        await ReadAsync(store, 0);
        time.Advance(TimeSpan.FromSeconds(269));
        await ReadAsync(store, 0);
        Assert.Equal(1, _issued);
        time.Advance(TimeSpan.FromSeconds(2));
        int before = _registry.Proxy.Requests.Count;
        await ReadAsync(store, 0);
        Assert.Equal(2, _issued);
        Assert.Equal(before + 1, _registry.Proxy.Requests.Count);
    }

    [Fact]
    public async Task A_login_goes_to_the_token_server()
    {
        _registry.Token = "tok-0";
        await using IImageStore store = _registry.Open(WithLogin(Entry("auth", Base64($"me:{Password}"))));
        await ReadAsync(store, 0);
        Assert.Equal("Basic " + Base64($"me:{Password}"), Assert.Single(_tokens.Requests).Header("Authorization"));
        Assert.DoesNotContain(_registry.Proxy.Requests, request => request.Header("Authorization")?.StartsWith("Basic", StringComparison.Ordinal) == true);
    }

    [Fact]
    public async Task An_identity_token_is_posted()
    {
        _registry.Token = "tok-0";
        await using IImageStore store = _registry.Open(WithLogin(Entry("identitytoken", "refresh-me", "https://HOST/v2/")));
        await ReadAsync(store, 0);
        ProxyRequest asked = Assert.Single(_tokens.Requests);
        Assert.Equal("POST", asked.Method);
        Assert.Contains("grant_type=refresh_token", System.Text.Encoding.UTF8.GetString(asked.Body), StringComparison.Ordinal);
        Assert.Contains("refresh_token=refresh-me", System.Text.Encoding.UTF8.GetString(asked.Body), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Basic_logins_work_and_wrong_ones_say_so()
    {
        _registry.Basic = $"me:{Password}";
        await using (IImageStore store = _registry.Open(WithLogin(Entry("auth", Base64($"me:{Password}"))))) await ReadAsync(store, 0);
        await using IImageStore wrong = _registry.Open(WithLogin(Entry("auth", Base64($"me:wrong-{Password}"))));
        SluiceException error = await Assert.ThrowsAnyAsync<SluiceException>(() => ReadAsync(wrong, 0));
        Assert.Equal(SluiceError.Unauthorized, error.Error);
        Assert.Contains("login", error.Hint, StringComparison.Ordinal);
        Assert.DoesNotContain(Password, error.ToString(), StringComparison.Ordinal);
        Assert.DoesNotContain(Base64($"me:wrong-{Password}"), error.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_refused_login_names_the_registry()
    {
        _registry.Token = "tok-0";
        _tokens.Respond = request => ProxyResponse.Json($$"""{"details":"bad {{request.Header("Authorization")}}"}""", 401);
        await using IImageStore store = _registry.Open(WithLogin(Entry("auth", Base64($"me:{Password}"))));
        SluiceException error = await Assert.ThrowsAnyAsync<SluiceException>(() => ReadAsync(store, 0));
        Assert.Equal(SluiceError.Unauthorized, error.Error);
        Assert.Equal($"registry {_registry.Proxy.Authority}", error.Culprit);
        Assert.DoesNotContain(Base64($"me:{Password}"), error.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_failing_token_server_is_asked_again()
    {
        _registry.Token = "tok-0";
        _tokens.Inject("/token", Fault.Answer(503), new Fault(FaultKind.Reset), Fault.Answer(429, "0"), new Fault(FaultKind.Silence));
        await using IImageStore store = _registry.Open(StubRegistry.Impatient);
        await ReadAsync(store, 0);
        Assert.True(_tokens.IsUsedUp);
    }

    [Fact]
    public async Task A_token_server_that_talks_nonsense_is_an_error()
    {
        _registry.Token = "tok-0";
        foreach (string nonsense in new[] { "", "[]", "{}", """{"token":5}""", """{"token":"two words"}""", """{"token":"a\r\nb"}""" })
        {
            _tokens.Respond = _ => ProxyResponse.Json(nonsense);
            await using IImageStore store = _registry.Open();
            Assert.Equal(SluiceError.Source, (await Assert.ThrowsAnyAsync<SluiceException>(() => ReadAsync(store, 0))).Error);
        }
    }

    [Fact]
    public async Task The_login_never_reaches_another_host()
    {
        await using FaultProxy storage = new() { Respond = request => ProxyResponse.Content(request, _image.Layer) };
        _registry.Basic = $"me:{Password}";
        _registry.BlobLocation = _ => new Uri(storage.Address, "/blob").AbsoluteUri;
        await using IImageStore store = _registry.Open(WithLogin(Entry("auth", Base64($"me:{Password}"))));
        await ReadAsync(store, 0);
        await ReadAsync(store, 100);
        Assert.Equal(2, storage.Requests.Count);
        Assert.All(storage.Requests, request => Assert.Null(request.Header("Authorization")));
    }

    [Theory]
    [InlineData("not json")]
    [InlineData("[1]")]
    [InlineData("""{"auths":{"HOST":{"auth":"!!!"}}}""")]
    [InlineData("""{"auths":{"HOST":{"auth":"bm9jb2xvbg=="}}}""")]
    [InlineData("""{"credHelpers":{"HOST":"../evil"}}""")]
    [InlineData("""{"credsStore":"sluice-does-not-exist"}""")]
    public async Task Broken_login_files_are_named(string content)
    {
        _registry.Token = "tok-0";
        await using IImageStore store = _registry.Open(WithLogin(content.Replace("HOST", _registry.Proxy.Authority, StringComparison.Ordinal)));
        Assert.Equal(SluiceError.Configuration, (await Assert.ThrowsAnyAsync<SluiceException>(() => ReadAsync(store, 0))).Error);
    }

    [Fact]
    public async Task Credential_programs_are_asked()
    {
        string program = _directory.File("docker-credential-sluicetest");
        await File.WriteAllTextAsync(program, $$"""
            #!/bin/sh
            server=$(cat)
            case "$server" in
            {{_registry.Proxy.Authority}}) echo '{"ServerURL":"x","Username":"me","Secret":"{{Password}}"}';;
            token.test) echo '{"Username":"<token>","Secret":"refresh-me"}';;
            broken.test) echo 'password is {{Password}}';;
            *) echo 'credentials not found in native keychain'; exit 1;;
            esac
            """);
        File.SetUnixFileMode(program, UnixFileMode.UserRead | UnixFileMode.UserExecute);
        string? path = Environment.GetEnvironmentVariable("PATH");
        Environment.SetEnvironmentVariable("PATH", $"{_directory.Path}:{path}");
        try
        {
            _registry.Basic = $"me:{Password}";
            await using IImageStore store = _registry.Open(WithLogin("""{"credsStore":"sluicetest"}"""));
            await ReadAsync(store, 0);
            CredentialProgram programs = new(TimeProvider.System);
            Assert.Equal("refresh-me", (await programs.GetAsync("sluicetest", "token.test", anew: false, default))?.IdentityToken.Reveal());
            Assert.Null(await programs.GetAsync("sluicetest", "other.test", anew: false, default));
            SluiceException error = await Assert.ThrowsAnyAsync<SluiceException>(() => programs.GetAsync("sluicetest", "broken.test", anew: false, default));
            Assert.DoesNotContain(Password, error.ToString(), StringComparison.Ordinal);
        }
        finally
        {
            Environment.SetEnvironmentVariable("PATH", path);
        }
    }

    [Theory]
    [InlineData("Bearer realm=\"https://a/t\",service=\"s\",scope=\"repository:x:pull,push\"", "https://a/t", "s", "repository:x:pull,push")]
    [InlineData("bearer realm=https://a/t , service=s", "https://a/t", "s", null)]
    [InlineData("Negotiate, Digest realm=\"x\", Bearer realm=\"q\\\"uote\"", "q\"uote", null, null)]
    [InlineData("Basic realm=\"b\", Bearer realm=\"r\"", "r", null, null)]
    public void Challenges_are_parsed(string header, string realm, string? service, string? scope)
    {
        using HttpResponseMessage response = new();
        response.Headers.TryAddWithoutValidation("WWW-Authenticate", header);
        AuthChallenge? challenge = AuthChallenge.From(response);
        Assert.Equal(realm, challenge?.Realm);
        Assert.Equal(service, challenge?.Service);
        Assert.Equal(scope, challenge?.Scope);
    }

    [Fact]
    public void Hostile_challenges_end()
    {
        Random random = new(3);
        for (int i = 0; i < 2000; i++)
        {
            string header = new([.. Enumerable.Range(0, random.Next(60)).Select(_ => "Bearer realm=\"\\, \t=s"[random.Next(20)])]);
            Assert.InRange(AuthChallenge.Parse(header).Count(), 0, 60);
        }
    }

    private static string Base64(string text) => Convert.ToBase64String(System.Text.Encoding.UTF8.GetBytes(text));

    private string Entry(string field, string value, string key = "HOST") =>
        "{\"auths\":{\"" + key.Replace("HOST", _registry.Proxy.Authority, StringComparison.Ordinal) + "\":{\"" + field + "\":\"" + value + "\"}}}";

    private SourceOptions WithLogin(string content)
    {
        string file = _directory.File($"{Guid.NewGuid():N}.json");
        File.WriteAllText(file, content);
        return StubRegistry.Quick with { AuthFile = file };
    }

    private async Task ReadAsync(IImageStore store, int offset)
    {
        byte[] part = new byte[100];
        await store.ReadAsync(_image.LayerDescriptor.Digest, offset, part, default);
        Assert.Equal(_image.Layer[offset..(offset + 100)], part);
    }

    /// <summary>A clock that stands still but for <see cref="Advance"/>; timers are real.</summary>
    private sealed class ManualTime : TimeProvider
    {
        private DateTimeOffset _now = DateTimeOffset.UnixEpoch;

        public override DateTimeOffset GetUtcNow() => _now;

        public void Advance(TimeSpan by) => _now += by;
    }
}
