using Sluice.Formats;
using Sluice.Formats.Oci;
using Sluice.Storage.Sources;
using Sluice.Storage.Sources.Credentials;
using Sluice.Storage.Sources.Registries;
using Sluice.Testing;

namespace Sluice.Storage.Tests.Sources.Credentials;

/// <summary>Logins that change while a store is open, and several of which one is good.</summary>
[System.Runtime.Versioning.SupportedOSPlatform("linux")]
[Collection(PathCollection.Name)]
public sealed class RotationTests : IAsyncDisposable
{
    private readonly AskingRegistry _registry = new();

    public ValueTask DisposeAsync() => _registry.DisposeAsync();

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_login_that_was_rotated_after_a_refusal_is_used_at_once(bool tokens)
    {
        Accept(tokens, "me:one");
        string file = _registry.Write("auth.json", _registry.Entry("me:one"));
        await using IImageStore store = _registry.Open(StubRegistry.Quick with { AuthFile = file });
        await _registry.ReadAsync(store);
        Accept(tokens, "me:two");
        _registry.Write("auth.json", _registry.Entry("me:two"));
        await _registry.ReadAsync(store);
    }

    [Fact]
    public async Task Logins_of_another_file_are_used_as_soon_as_that_is_configured()
    {
        _registry.AcceptTokensOf("me:one");
        SourceOptions options = StubRegistry.Quick with { AuthFile = _registry.Write("one.json", _registry.Entry("me:one")) };
        using RegistryConnections connections = new(options);
        await using IImageStore store = _registry.Open(options with { Connections = connections });
        await _registry.ReadAsync(store);
        _registry.AcceptTokensOf("you:two");
        connections.Prepare(options with { AuthFile = _registry.Write("two.json", _registry.Entry("you:two")) })();
        await _registry.ReadAsync(store);
    }

    [Fact]
    public async Task A_rotated_login_is_used_before_the_old_one_is_refused()
    {
        _registry.AcceptBasic("me:one");
        string file = _registry.Write("auth.json", _registry.Entry("me:one"));
        await using IImageStore store = _registry.Open(StubRegistry.Quick with { AuthFile = file });
        await _registry.ReadAsync(store);
        _registry.AcceptBasic("me:two");
        _registry.Write("auth.json", _registry.Entry("me:two"));
        _registry.Time.Advance(TimeSpan.FromSeconds(11));
        int before = _registry.Proxy.Requests.Count;
        await _registry.ReadAsync(store);
        Assert.Equal(before + 1, _registry.Proxy.Requests.Count);
    }

    [Fact]
    public async Task A_secret_that_the_kubelet_turns_is_seen_and_one_that_comes_too()
    {
        _registry.AcceptBasic("me:one");
        string mount = _registry.Directory.File("secrets/one");
        Turn(mount, "..1", _registry.Entry("me:zero"));
        SourceOptions options = StubRegistry.Quick with { Credentials = new CredentialOptions { SecretFiles = [_registry.Directory.File("secrets")] } };
        await using IImageStore store = _registry.Open(options);
        Assert.Equal(SluiceError.Unauthorized, (await _registry.FailAsync(store)).Error);
        Turn(mount, "..2", _registry.Entry("me:one"));
        await _registry.ReadAsync(store);
        _registry.AcceptBasic("me:two");
        _registry.Write("secrets/two/.dockercfg", $$$"""{"{{{_registry.Host}}}":{"username":"me","password":"two"}}""");
        await _registry.ReadAsync(store);
    }

    [Fact]
    public async Task A_file_that_is_being_written_is_waited_for()
    {
        _registry.AcceptBasic("me:one");
        string file = _registry.Directory.File("auth.json");
        await File.WriteAllTextAsync(file, _registry.Entry("me:one")[..20]);
        await using IImageStore store = _registry.Open(StubRegistry.Quick with { AuthFile = file });
        Task reading = _registry.ReadAsync(store);
        while (_registry.Proxy.Requests.IsEmpty) await Task.Yield();
        await File.WriteAllTextAsync(file, _registry.Entry("me:one"));
        await reading;
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Every_login_gets_its_turn_and_the_good_one_is_remembered(bool tokens)
    {
        Accept(tokens, "me:three");
        RememberedLogins remembered = new(TimeSpan.FromHours(1), _registry.Time);
        remembered.Remember(Image("r:v1"), Login("me", "wrong"));
        remembered.Remember(Image("r:v2"), Login("other", "wrong"));
        remembered.Remember(Image("elsewhere:v1"), Login("me", "secret of elsewhere"));
        string secrets = _registry.Write("secret.json", _registry.Entry("me:two"));
        string file = _registry.Write("auth.json", _registry.Entry("me:three"));
        await using IImageStore store = _registry.Open(StubRegistry.Quick with { AuthFile = file, Credentials = new CredentialOptions { Remembered = remembered, SecretFiles = [secrets] } });
        await _registry.ReadAsync(store);
        FaultProxy asked = tokens ? _registry.Tokens : _registry.Proxy;
        string[] sent = [.. asked.Requests.Select(request => request.Header("Authorization") ?? "").Where(header => header.Length > 0)];
        Assert.Equal(["other:wrong", "me:wrong", "me:two", "me:three"], sent.Select(header => Text(header["Basic ".Length..])));
        _registry.Time.Advance(TimeSpan.FromMinutes(4.9)); // the token is at its end
        int before = asked.Requests.Count;
        await _registry.ReadAsync(store);
        Assert.Equal(before + 1, asked.Requests.Count);
    }

    [Fact]
    public async Task A_remembered_login_goes_when_it_is_not_used()
    {
        _registry.AcceptBasic("me:one");
        RememberedLogins remembered = new(TimeSpan.FromHours(1), _registry.Time);
        remembered.Remember(Image("r:v1"), Login("me", "one"));
        await using IImageStore store = _registry.Open(StubRegistry.Quick with { Credentials = new CredentialOptions { Remembered = remembered } });
        for (int hour = 0; hour < 4; hour++)
        {
            await _registry.ReadAsync(store);
            _registry.Time.Advance(TimeSpan.FromMinutes(59));
        }

        _registry.Time.Advance(TimeSpan.FromMinutes(2));
        await _registry.FailAsync(store);
    }

    [Fact]
    public async Task What_could_not_be_kept_is_told_again()
    {
        _registry.AcceptBasic("me:one");
        int told = 0;
        bool works = false;
        RememberedLogins remembered = new(TimeSpan.FromHours(100), _registry.Time);
        remembered.Keep = () =>
        {
            told++;
            return works;
        };
        remembered.Remember(Image("r:v1"), Login("me", "one"));
        await using IImageStore store = _registry.Open(StubRegistry.Quick with { Credentials = new CredentialOptions { Remembered = remembered } });
        await _registry.ReadAsync(store);
        Assert.Equal(1, told);
        works = true;
        for (int round = 0; round < 2; round++)
        {
            _registry.Time.Advance(TimeSpan.FromMinutes(2));
            await _registry.ReadAsync(store);
            Assert.Equal(2, told);
        }
    }

    [Fact]
    public async Task What_reading_has_taken_is_there_to_be_kept_until_its_repository_is_forgotten()
    {
        _registry.AcceptBasic("me:one");
        RememberedLogins remembered = new(TimeSpan.FromHours(100), _registry.Time);
        int told = 0;
        remembered.Keep = () => ++told > 0;
        remembered.Remember(Image("r:v1"), Login("me", "one"));
        remembered.Remember(Image("never-read:v1"), Login("me", "one"));
        Assert.Empty(remembered.Used);
        await using IImageStore store = _registry.Open(StubRegistry.Quick with { Credentials = new CredentialOptions { Remembered = remembered } });
        await _registry.ReadAsync(store);
        await _registry.ReadAsync(store);
        RememberedLogin kept = Assert.Single(remembered.Used);
        Assert.Equal(("r", 1), (kept.Repository, told));

        RememberedLogins next = new(TimeSpan.FromHours(100), _registry.Time);
        next.Restore(remembered.Used);
        await using IImageStore again = _registry.Open(StubRegistry.Quick with { Credentials = new CredentialOptions { Remembered = next } });
        await _registry.ReadAsync(again);
        next.Forget(Image("r:v1"));
        Assert.Empty(next.Used);
        remembered.Forget(Image("r:v1"));
        Assert.Single(remembered.Used); // it has just come
        _registry.Time.Advance(TimeSpan.FromMinutes(11));
        remembered.Forget(Image("r:v1"));
        Assert.Empty(remembered.Used);
    }

    [Fact]
    public async Task A_longer_path_wins_and_other_repositories_logins_are_not_sent()
    {
        _registry.AcceptBasic("me:exact");
        string file = _registry.Write("auth.json", $$$"""
            {"auths":{
              "{{{_registry.Host}}}":{"auth":"{{{AskingRegistry.Base64("me:host")}}}"},
              "{{{_registry.Host}}}/other":{"auth":"{{{AskingRegistry.Base64("me:other")}}}"},
              "{{{_registry.Host}}}/r":{"auth":"{{{AskingRegistry.Base64("me:exact")}}}"}
            }}
            """);
        await using IImageStore store = _registry.Open(StubRegistry.Quick with { AuthFile = file });
        await _registry.ReadAsync(store);
        Assert.Equal("me:exact", Text(_registry.Proxy.Requests.Single(request => request.Header("Authorization") is not null).Header("Authorization")!["Basic ".Length..]));
    }

    [Fact]
    public async Task A_broken_secret_does_not_hide_a_good_login()
    {
        _registry.AcceptBasic("me:one");
        string broken = _registry.Write("broken.json", "{ nothing");
        File.SetLastWriteTimeUtc(broken, DateTime.UnixEpoch);
        SourceOptions options = StubRegistry.Quick with { Credentials = new CredentialOptions { SecretFiles = [broken] } };
        await using (IImageStore store = _registry.Open(options with { AuthFile = _registry.Write("auth.json", _registry.Entry("me:one")) })) await _registry.ReadAsync(store);
        await using IImageStore without = _registry.Open(options);
        Assert.Equal(broken, (await _registry.FailAsync(without)).Culprit);
    }

    [Fact]
    public async Task A_program_is_asked_again_when_its_login_is_refused_and_not_otherwise()
    {
        _registry.AcceptBasic("me:one");
        string calls = _registry.Directory.File("calls"), secret = _registry.Write("secret", "one");
        _registry.WriteProgram("docker-credential-rotating", $$"""
            cat >/dev/null; echo x >>{{calls}}
            echo "{\"Username\":\"me\",\"Secret\":\"$(cat {{secret}})\"}"
            """);
        string? path = Environment.GetEnvironmentVariable("PATH");
        Environment.SetEnvironmentVariable("PATH", $"{_registry.Directory.Path}:{path}");
        try
        {
            await using IImageStore store = _registry.Open(StubRegistry.Quick with { AuthFile = _registry.Write("auth.json", """{"credsStore":"rotating"}""") });
            for (int i = 0; i < 5; i++)
            {
                await _registry.ReadAsync(store);
                _registry.Time.Advance(TimeSpan.FromSeconds(20));
            }

            Assert.Single(await File.ReadAllLinesAsync(calls));
            _registry.AcceptBasic("me:two");
            _registry.Write("secret", "two");
            await _registry.ReadAsync(store);
            Assert.Equal(2, (await File.ReadAllLinesAsync(calls)).Length);

            // A program that fails later does not take the login away.
            _registry.WriteProgram("docker-credential-rotating", "exit 3");
            _registry.Time.Advance(TimeSpan.FromMinutes(10));
            await _registry.ReadAsync(store);
        }
        finally
        {
            Environment.SetEnvironmentVariable("PATH", path);
        }
    }

    private static string Text(string base64) => System.Text.Encoding.UTF8.GetString(Convert.FromBase64String(base64));

    private static RegistryCredential Login(string user, string password) => new(user, new Secret(password));

    /// <summary>What the kubelet does to a mounted secret: the link to the directory is replaced.</summary>
    private static void Turn(string mount, string version, string content)
    {
        Directory.CreateDirectory(Path.Combine(mount, version));
        File.WriteAllText(Path.Combine(mount, version, ".dockerconfigjson"), content);
        string link = Path.Combine(mount, "..data");
        File.Delete(link); // the kubelet renames a link over it
        File.CreateSymbolicLink(link, version);
        if (!File.Exists(Path.Combine(mount, ".dockerconfigjson"))) File.CreateSymbolicLink(Path.Combine(mount, ".dockerconfigjson"), "..data/.dockerconfigjson");
    }

    private ImageReference Image(string name) => ImageReference.Parse($"{_registry.Host}/{name}");

    private void Accept(bool tokens, string login)
    {
        if (tokens) _registry.AcceptTokensOf(login);
        else _registry.AcceptBasic(login);
    }
}
