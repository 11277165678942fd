using Sluice.Formats.Oci;
using Sluice.Storage.Sources;
using Sluice.Testing;

namespace Sluice.Storage.Tests.Sources;

/// <summary>A real docker-registry for the tests of one class.</summary>
public sealed class RegistryFixture : IAsyncLifetime
{
    internal DockerRegistry? Registry { get; private set; }

    public async ValueTask InitializeAsync()
    {
        if (DockerRegistry.IsInstalled("docker-registry")) Registry = await DockerRegistry.StartAsync();
    }

    public async ValueTask DisposeAsync()
    {
        if (Registry is not null) await Registry.DisposeAsync();
    }

    internal DockerRegistry Require()
    {
        if (Registry is null) Assert.Skip("docker-registry is not installed");
        return Registry;
    }
}

public sealed class RegistryContractTests(RegistryFixture fixture) : ImageStoreContract, IClassFixture<RegistryFixture>
{
    private readonly string _repository = $"contract/{Guid.NewGuid():N}";

    private protected override Task<IImageStore> OpenAsync() => Task.FromResult(Open(_repository, Quick));

    private static SourceOptions Quick => StubRegistry.Quick;

    [Fact]
    public async Task Large_uploads_go_in_pieces()
    {
        SampleImage image = new(11, layerSize: 3_000_001);
        await using IImageStore store = Open(_repository, Quick with { UploadChunk = 200_000 });
        await image.PutAsync(store, "v1");
        await image.CheckAsync(store, "v1");
    }

    [Fact]
    public async Task Copies_between_repositories_move_no_bytes()
    {
        await using FaultProxy proxy = new(fixture.Require().Address);
        SampleImage image = new(12);
        await using IImageStore source = ImageStores.Open(ImageReference.Parse($"{proxy.Authority}/{_repository}"), Quick);
        await using IImageStore target = ImageStores.Open(ImageReference.Parse($"{proxy.Authority}/{_repository}-copy"), Quick);
        await image.PutAsync(source, "v1");
        int before = proxy.Requests.Count;
        await target.CopyBlobAsync(source, image.LayerDescriptor, default);
        Assert.True(await target.HasBlobAsync(image.LayerDescriptor.Digest, default));
        Assert.All(proxy.Requests.Skip(before), request => Assert.Empty(request.Body));
        Assert.DoesNotContain(proxy.Requests.Skip(before), request => request.Method == "GET");
    }

    [Fact]
    public async Task Uploads_survive_resets_and_errors()
    {
        await using FaultProxy proxy = new(fixture.Require().Address);
        SampleImage image = new(13, layerSize: 1_000_000);
        await using IImageStore store = ImageStores.Open(ImageReference.Parse($"{proxy.Authority}/{_repository}"), Quick with { UploadChunk = 200_000 });
        proxy.Inject("POST", new Fault(FaultKind.Reset), Fault.Answer(503));
        proxy.Inject("PATCH", new Fault(FaultKind.None), Fault.Answer(500), new Fault(FaultKind.Reset));
        proxy.Inject("PUT", Fault.Answer(429, "0"));
        await image.PutAsync(store, "v1");
        Assert.True(proxy.IsUsedUp);
        await image.CheckAsync(store, "v1");
    }

    private IImageStore Open(string repository, SourceOptions options) =>
        ImageStores.Open(ImageReference.Parse($"{fixture.Require().Authority}/{repository}"), options);
}
