using Sluice.Formats;
using Sluice.Formats.Oci;
using Sluice.Storage.Sources;
using Sluice.Storage.Sources.Extra;
using Sluice.Storage.Sources.Places;
using Sluice.Storage.Sources.Registries;
using Sluice.Testing;

namespace Sluice.Storage.Tests.Sources;

/// <summary>Mirrors of <c>hosts.toml</c>, one by one and all together.</summary>
public sealed class MirrorTests : IAsyncDisposable
{
    private readonly TemporaryDirectory _directory = new();
    private readonly SampleImage _image = new();
    private readonly StubRegistry _registry;
    private readonly StubRegistry _mirror;
    private readonly RegistryConnections _connections;

    public MirrorTests()
    {
        (_registry, _mirror) = (new StubRegistry(_image), new StubRegistry(_image));
        _connections = new RegistryConnections(StubRegistry.Quick);
        Write($"[host.\"{_mirror.Proxy.Address}\"]");
    }

    public async ValueTask DisposeAsync()
    {
        _connections.Dispose();
        await _registry.DisposeAsync();
        await _mirror.DisposeAsync();
        _directory.Dispose();
    }

    [Fact]
    public async Task Each_host_is_a_source_of_its_own()
    {
        await using IImageStore store = Open();
        Assert.Equal([MirrorName, RegistryName], store.Sources.Select(source => source.Name));
        foreach (IBlobSource source in store.Sources) await ReadAsync(source);
        Assert.Equal((1, 1), (_mirror.Proxy.Requests.Count, _registry.Proxy.Requests.Count));
    }

    [Fact]
    public async Task A_host_that_fails_leaves_the_next_attempt_to_others()
    {
        _mirror.Proxy.Always = static _ => Fault.Answer(500);
        await using IImageStore store = Open();
        SluiceException error = await Assert.ThrowsAnyAsync<SluiceException>(() => ReadAsync(store.Sources[0]));
        Assert.Equal(MirrorName, error.Culprit);
        Assert.NotNull(error.MayPassIn);
        Assert.Single(_mirror.Proxy.Requests);
    }

    [Fact]
    public async Task One_refusal_holds_back_all_images_of_the_registry()
    {
        File.Delete(Path.Combine(_directory.Path, _registry.Proxy.Authority, "hosts.toml"));
        Directory.Delete(Path.Combine(_directory.Path, _registry.Proxy.Authority));
        SourceOptions options = Options with { LongestDelay = TimeSpan.FromSeconds(5) };
        _registry.Proxy.Inject("/blobs/", Fault.Answer(429, "60"));
        await using IImageStore one = _registry.Open(options), other = _registry.Open(options);
        await Assert.ThrowsAnyAsync<SluiceException>(() => ReadAsync(one));
        SluiceException error = await Assert.ThrowsAnyAsync<SluiceException>(() => other.GetManifestAsync("v1", default));
        Assert.Contains("asked for a pause", error.Message, StringComparison.Ordinal);
        Assert.InRange(error.MayPassIn!.Value, TimeSpan.FromSeconds(30), TimeSpan.FromSeconds(60));
        Assert.Single(_registry.Proxy.Requests);
        PlaceHealth health = Assert.Single(_connections.Places.All).Health;
        Assert.Equal((PlaceState.HeldBack, RegistryName), (health.State, health.Name));
    }

    [Fact]
    public async Task A_mirror_that_asks_for_a_pause_is_passed_over()
    {
        _mirror.Proxy.Inject("/blobs/", Fault.Answer(503, "60"));
        await using IImageStore store = Open();
        await ReadAsync(store);
        await ReadAsync(store);
        Assert.Equal((1, 2), (_mirror.Proxy.Requests.Count, _registry.Proxy.Requests.Count));
    }

    [Fact]
    public async Task Requests_of_all_images_together_are_counted()
    {
        using RegistryConnections connections = new(StubRegistry.Quick with { Places = new PlaceOptions { RequestsPerSecond = 0.01 } });
        SourceOptions options = Options with { Connections = connections, LongestDelay = TimeSpan.Zero };
        await using IImageStore one = _mirror.Open(options), other = _mirror.Open(options);
        await ReadAsync(one);
        SluiceException error = await Assert.ThrowsAnyAsync<SluiceException>(() => ReadAsync(other));
        Assert.InRange(error.MayPassIn!.Value, TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(100));
        Assert.Single(_mirror.Proxy.Requests);
    }

    [Fact]
    public async Task A_mirror_with_wrong_bytes_is_left_for_that_blob()
    {
        _mirror.Proxy.Inject("/blobs/", new Fault(FaultKind.WrongBytes));
        await using IImageStore store = Open();
        byte[] whole = await WholeBlob.FetchAsync(store, _image.LayerDescriptor, ReadToEndAsync, default);
        Assert.Equal(_image.Layer, whole);
        Assert.True(store.Sources[0].Place!.Distrusts(_image.LayerDescriptor.Digest));
        int asked = _mirror.Proxy.Requests.Count;
        await ReadAsync(store);
        Assert.Equal(asked, _mirror.Proxy.Requests.Count);
        await store.GetManifestAsync("v1", default);
        Assert.Equal(asked + 1, _mirror.Proxy.Requests.Count);
    }

    [Fact]
    public async Task Peers_that_are_mirrors_hear_which_registry_is_meant()
    {
        Write($"server = \"https://upstream.test\"\n[host.\"{_mirror.Proxy.Address}\"]\ncapabilities = [\"pull\", \"resolve\"]\n[host.\"{_mirror.Proxy.Address}\".header]\nX-Dragonfly-Registry = [\"https://upstream.test\"]");
        await using IImageStore store = Open();
        await store.GetManifestAsync("v1", default);
        await ReadAsync(store.Sources[0]);
        Assert.Equal(2, _mirror.Proxy.Requests.Count);
        Assert.All(_mirror.Proxy.Requests, request =>
        {
            Assert.Equal("https://upstream.test", request.Header("X-Dragonfly-Registry"));
            Assert.EndsWith("?ns=" + Uri.EscapeDataString(_registry.Proxy.Authority), request.Target, StringComparison.Ordinal);
        });
    }

    [Fact]
    public async Task An_open_store_follows_mirrors_and_extra_sources_that_change()
    {
        await using IImageStore store = Open();
        await ReadAsync(store.Sources[0]);
        Write("");
        _connections.Prepare(Options)();
        Assert.Equal([RegistryName], store.Sources.Select(source => source.Name));
        await ReadAsync(store);
        Assert.Equal((1, 1), (_mirror.Proxy.Requests.Count, _registry.Proxy.Requests.Count));

        Write($"[host.\"{_mirror.Proxy.Address}\"]");
        ExtraSourceOptions directory = new() { Kind = ExtraSourceKind.Directory, Path = _directory.Path, Images = ["*"] };
        _connections.Prepare(Options with { ExtraSources = [directory] })();
        Assert.Equal([directory.Name, MirrorName, RegistryName], store.Sources.Select(source => source.Name));
        await ReadAsync(store);
        Assert.Equal((2, 1), (_mirror.Proxy.Requests.Count, _registry.Proxy.Requests.Count));

        // One that is opened later by somebody who still has the old options, too.
        await using IImageStore later = Open();
        Assert.Equal(3, later.Sources.Count);
    }

    [Fact]
    public async Task A_wrong_file_of_hosts_changes_nothing()
    {
        await using IImageStore store = Open();
        Write("[host");
        SluiceException error = Assert.Throws<SluiceException>(() => _connections.Prepare(Options));
        Assert.Equal(SluiceError.Configuration, error.Error);
        Assert.Equal([MirrorName, RegistryName], store.Sources.Select(source => source.Name));
        await ReadAsync(store);
    }

    [Fact]
    public async Task A_store_that_comes_between_and_cannot_change_leaves_the_others_theirs()
    {
        List<string> log = [];
        using RegistryConnections connections = new(StubRegistry.Quick, log.Add);
        SourceOptions options = Options with { Connections = connections };
        await using IImageStore store = _registry.Open(options);
        Write("");
        Action change = connections.Prepare(options);
        await using IImageStore between = _registry.Open(options);
        Write("[host");
        change();
        Assert.Equal([RegistryName], store.Sources.Select(source => source.Name));
        Assert.Single(log);
        Assert.Throws<SluiceException>(() => _registry.Open(options));
        Write($"[host.\"{_mirror.Proxy.Address}\"]");
        connections.Prepare(options)();
        Assert.All((IImageStore[])[store, between], open => Assert.Equal([MirrorName, RegistryName], open.Sources.Select(source => source.Name)));
        Assert.Single(log);
    }

    private string RegistryName => $"registry {_registry.Proxy.Authority}";

    private string MirrorName => $"registry {_mirror.Proxy.Authority}";

    private SourceOptions Options => StubRegistry.Quick with { HostDirectories = [_directory.Path], Connections = _connections };

    private IImageStore Open() => _registry.Open(Options);

    private async Task ReadAsync(IBlobSource source)
    {
        byte[] part = new byte[1000];
        await source.ReadAsync(_image.LayerDescriptor.Digest, 100, part, default);
        Assert.Equal(_image.Layer[100..1100], part);
    }

    private static async Task<byte[]> ReadToEndAsync(Stream stream)
    {
        using MemoryStream copy = new();
        await stream.CopyToAsync(copy);
        return copy.ToArray();
    }

    private void Write(string hosts)
    {
        string directory = Path.Combine(_directory.Path, _registry.Proxy.Authority);
        Directory.CreateDirectory(directory);
        File.WriteAllText(Path.Combine(directory, "hosts.toml"), hosts);
    }
}
