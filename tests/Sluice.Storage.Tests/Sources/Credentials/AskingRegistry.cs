using Sluice.Formats;
using Sluice.Storage.Sources;
using Sluice.Testing;

namespace Sluice.Storage.Tests.Sources.Credentials;

/// <summary>A registry that wants a Basic login or, with <see cref="Tokens"/>, tokens that its token server gives to that login only, and a directory for files of logins.</summary>
internal sealed class AskingRegistry : IAsyncDisposable
{
    private readonly SampleImage _image = new();
    private readonly StubRegistry _registry;
    private readonly FaultProxy _tokens = new();

    public AskingRegistry()
    {
        _registry = new StubRegistry(_image);
        _tokens.Respond = request => request.Header("Authorization") == $"Basic {Base64(Login)}"
            ? ProxyResponse.Json($$"""{"token":"{{_registry.Token}}","expires_in":300}""")
            : ProxyResponse.Json("{}", 401);
    }

    /// <summary>The only good one, as <c>user:password</c>.</summary>
    public string Login { get; private set; } = "";

    public string Host => _registry.Proxy.Authority;

    public TemporaryDirectory Directory { get; } = new();

    public FaultProxy Tokens => _tokens;

    public FaultProxy Proxy => _registry.Proxy;

    public TestTime Time { get; } = new();

    public static string Base64(string text) => Convert.ToBase64String(System.Text.Encoding.UTF8.GetBytes(text));

    public void AcceptBasic(string login) => _registry.Basic = Login = login;

    public void AcceptTokensOf(string login)
    {
        _registry.Realm = new Uri(_tokens.Address, "/token").AbsoluteUri;
        _registry.Token = $"token-{Guid.NewGuid():N}";
        Login = login;
    }

    /// <summary>A login file's content with one entry.</summary>
    public string Entry(string login, string key = "") => "{\"auths\":{\"" + Host + key + "\":{\"auth\":\"" + Base64(login) + "\"}}}";

    public string Write(string name, string content)
    {
        string path = Directory.File(name);
        System.IO.Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        string beside = path + ".new";
        File.WriteAllText(beside, content);
        File.Move(beside, path, overwrite: true);
        return path;
    }

    [System.Runtime.Versioning.SupportedOSPlatform("linux")]
    public string WriteProgram(string name, string script)
    {
        string path = Write(name, "#!/bin/sh\n" + script);
        File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        return path;
    }

    public IImageStore Open(SourceOptions options) => _registry.Open(options with { Time = Time });

    public async Task ReadAsync(IImageStore store)
    {
        byte[] part = new byte[100];
        await store.ReadAsync(_image.LayerDescriptor.Digest, 0, part, default);
        Assert.Equal(_image.Layer[..100], part);
    }

    public async Task<SluiceException> FailAsync(IImageStore store) => await Assert.ThrowsAnyAsync<SluiceException>(() => ReadAsync(store));

    public async ValueTask DisposeAsync()
    {
        await _registry.DisposeAsync();
        await _tokens.DisposeAsync();
        Directory.Dispose();
    }

    /// <summary>A clock that stands still but for <see cref="Advance"/>; timers are real.</summary>
    internal sealed class TestTime : TimeProvider
    {
        private DateTimeOffset _now = DateTimeOffset.UnixEpoch;

        public override DateTimeOffset GetUtcNow() => _now;

        public void Advance(TimeSpan by) => _now += by;
    }
}
