using Sluice.Formats.Oci;
using Sluice.Storage.Sources;
using Sluice.Storage.Sources.Extra;
using Sluice.Storage.Sources.Registries;
using Sluice.Storage.Tests.Sources.Extra;
using Sluice.Testing;

namespace Sluice.Storage.Tests.Sources;

/// <summary>The sources that are parts of other things, or read only.</summary>
public abstract class ServedSourceContract : BlobSourceContract, IAsyncDisposable
{
    private readonly RegistryConnections _connections = new(StubRegistry.Quick);

    internal TemporaryDirectory Directory { get; } = new();

    private protected IBlobSource Open(ExtraSourceOptions options) => ExtraSource.Open(options, StubRegistry.Quick, _connections);

    public virtual ValueTask DisposeAsync()
    {
        _connections.Dispose();
        Directory.Dispose();
        GC.SuppressFinalize(this);
        return ValueTask.CompletedTask;
    }
}

public sealed class RegistrySourceTests : ServedSourceContract
{
    private readonly List<StubRegistry> _registries = [];

    private protected override Task<IBlobSource> OpenAsync()
    {
        StubRegistry registry = new(Image);
        _registries.Add(registry);
        return Task.FromResult<IBlobSource>(registry.Open());
    }

    public override async ValueTask DisposeAsync()
    {
        foreach (StubRegistry registry in _registries) await registry.DisposeAsync();
        await base.DisposeAsync();
    }
}

public sealed class RegistryHostSourceTests : ServedSourceContract
{
    private readonly StubRegistry _registry;
    private readonly IImageStore _store;

    public RegistryHostSourceTests()
    {
        _registry = new StubRegistry(Image);
        _store = _registry.Open();
    }

    private protected override Task<IBlobSource> OpenAsync() => Task.FromResult(_store.Sources[0]);

    public override async ValueTask DisposeAsync()
    {
        await _store.DisposeAsync();
        await _registry.DisposeAsync();
        await base.DisposeAsync();
    }
}

public sealed class DirectorySourceTests : ServedSourceContract
{
    private protected override async Task<IBlobSource> OpenAsync()
    {
        string path = Directory.File(Path.Combine("nas", "sha256", Blob.Hex[..2], Blob.Hex, "data"));
        System.IO.Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        await File.WriteAllBytesAsync(path, Image.Layer);
        return Open(new ExtraSourceOptions { Kind = ExtraSourceKind.Directory, Path = Directory.File("nas"), Object = "{algorithm}/{hex2}/{hex}/data" });
    }
}

public sealed class HttpSourceTests : ServedSourceContract
{
    private readonly FaultProxy _server = new();

    private protected override Task<IBlobSource> OpenAsync()
    {
        _server.Respond = request => request.Path == $"/files/sha256/{Blob.Hex}" ? ProxyResponse.Content(request, Image.Layer) : null;
        return Task.FromResult(Open(new ExtraSourceOptions { Kind = ExtraSourceKind.Http, Address = new Uri(_server.Address, "/files/") }));
    }

    public override async ValueTask DisposeAsync()
    {
        await _server.DisposeAsync();
        await base.DisposeAsync();
    }
}

public sealed class S3SourceContractTests : ServedSourceContract
{
    private readonly StubBucket _bucket = new();

    private protected override async Task<IBlobSource> OpenAsync()
    {
        _bucket.Put($"/blobs/of%20all/sha256/{Blob.Hex}", Image.Layer);
        await File.WriteAllTextAsync(Directory.File("credentials"), $"[default]\naws_access_key_id = {StubBucket.AccessKey}\naws_secret_access_key = {_bucket.Secret}\n");
        return Open(new ExtraSourceOptions { Kind = ExtraSourceKind.S3, Address = _bucket.Proxy.Address, Bucket = "blobs", Prefix = "of all/", CredentialsFile = Directory.File("credentials") });
    }

    public override async ValueTask DisposeAsync()
    {
        await _bucket.DisposeAsync();
        await base.DisposeAsync();
    }
}

public sealed class SupplementedSourceTests : ServedSourceContract
{
    private readonly List<StubRegistry> _registries = [];

    private protected override Task<IBlobSource> OpenAsync()
    {
        StubRegistry registry = new(Image);
        _registries.Add(registry);
        System.IO.Directory.CreateDirectory(Directory.File("empty"));
        return Task.FromResult<IBlobSource>(registry.Open(StubRegistry.Quick with { ExtraSources = [new ExtraSourceOptions { Kind = ExtraSourceKind.Directory, Path = Directory.File("empty") }] }));
    }

    public override async ValueTask DisposeAsync()
    {
        foreach (StubRegistry registry in _registries) await registry.DisposeAsync();
        await base.DisposeAsync();
    }
}

public sealed class LayoutSourceTests : ServedSourceContract
{
    private protected override async Task<IBlobSource> OpenAsync()
    {
        await using (IImageStore store = OpenStore()) await Image.PutAsync(store, "v1");
        return OpenStore();
    }

    private IImageStore OpenStore() => ImageStores.Open(ImageReference.Parse($"oci:{Directory.File("layout")}"), new SourceOptions());
}

public sealed class ArchiveSourceTests : ServedSourceContract
{
    private protected override async Task<IBlobSource> OpenAsync()
    {
        await using (IImageStore store = OpenStore()) await Image.PutAsync(store, "v1");
        return OpenStore();
    }

    private IImageStore OpenStore() => ImageStores.Open(ImageReference.Parse($"oci-archive:{Directory.File("image.tar")}"), new SourceOptions());
}
