using Sluice.Formats.Oci;
using Sluice.Storage.Sources;
using Sluice.Storage.Sources.Extra;
using Sluice.Testing;

namespace Sluice.Storage.Tests.Sources;

/// <summary>A real docker-registry as the mirror of a registry that is away, and its directory as an extra source.</summary>
public sealed class DockerMirrorTests(RegistryFixture fixture) : IClassFixture<RegistryFixture>, IDisposable
{
    private readonly TemporaryDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    [Fact]
    public async Task A_mirror_serves_while_the_registry_is_away()
    {
        DockerRegistry registry = fixture.Require();
        SampleImage image = new(13);
        await using (IImageStore store = ImageStores.Open(ImageReference.Parse($"{registry.Authority}/team/app"), StubRegistry.Quick)) await image.PutAsync(store, "v1");
        Directory.CreateDirectory(_directory.File("upstream.test"));
        await File.WriteAllTextAsync(Path.Combine(_directory.File("upstream.test"), "hosts.toml"), $"server = \"http://127.0.0.1:1\"\n[host.\"{registry.Address}\"]\ncapabilities = [\"pull\", \"resolve\"]\n");
        await using IImageStore mirrored = ImageStores.Open(ImageReference.Parse("upstream.test/team/app"), StubRegistry.Quick with { HostDirectories = [_directory.Path] });
        Assert.Equal(image.Manifest.Digest, (await mirrored.GetManifestAsync("v1", default)).Digest);
        Assert.Equal(image.Layer, await SampleImage.ReadAllAsync(mirrored, image.LayerDescriptor));
        byte[] part = new byte[1000];
        await mirrored.Sources[0].ReadAsync(image.LayerDescriptor.Digest, 777, part, default);
        Assert.Equal(image.Layer[777..1777], part);
    }

    [Fact]
    public async Task Its_directory_is_read_without_it()
    {
        DockerRegistry registry = fixture.Require();
        SampleImage image = new(14);
        await using (IImageStore store = ImageStores.Open(ImageReference.Parse($"{registry.Authority}/other/app"), StubRegistry.Quick)) await image.PutAsync(store, "v1");
        ExtraSourceOptions nas = new()
        {
            Kind = ExtraSourceKind.Directory,
            Path = Path.Combine(registry.Storage, "docker", "registry", "v2", "blobs"),
            Object = "{algorithm}/{hex2}/{hex}/data",
        };
        await using IImageStore away = ImageStores.Open(ImageReference.Parse("127.0.0.1:1/other/app"), StubRegistry.Quick with { ExtraSources = [nas] });
        Assert.Equal(image.Layer, await SampleImage.ReadAllAsync(away, image.LayerDescriptor));
    }
}
