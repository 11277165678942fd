using System.Text;
using Sluice.Formats.Oci;
using Sluice.Storage.Sources;

namespace Sluice.Testing.Images;

/// <summary>An ordinary image for tests: layers of <see cref="TestLayer"/>, stored in any store.</summary>
internal sealed class TestImage
{
    private readonly List<TestLayer> _layers = [];

    public Platform Platform { get; init; } = Platform.Host;

    /// <summary>Write Docker's media types, manifest version 2 schema 2.</summary>
    public bool Docker { get; init; }

    public TestImage Layer(Action<TestLayer> build)
    {
        var layer = new TestLayer();
        build(layer);
        return Layer(layer);
    }

    public TestImage Layer(TestLayer layer)
    {
        _layers.Add(layer);
        return this;
    }

    /// <param name="change">Falsifies the manifest before it is stored.</param>
    public async Task<StoredManifest> StoreAsync(IImageStore store, string? tag, Func<ImageManifest, ImageManifest>? change = null)
    {
        var layers = new List<Descriptor>();
        var diffIds = new List<Digest>();
        foreach (TestLayer layer in _layers)
        {
            (byte[] blob, Digest diffId) = layer.Pack();
            layers.Add(await PutAsync(store, blob, Docker ? MediaTypes.DockerLayerGzip : layer.MediaType));
            diffIds.Add(diffId);
        }

        string config = $$"""
            {"architecture":"{{Platform.Architecture}}","os":"{{Platform.Os}}","created":"2023-11-14T22:13:20Z","config":{"Cmd":["/bin/sh"]},
             "rootfs":{"type":"layers","diff_ids":[{{string.Join(',', diffIds.Select(d => $"\"{d}\""))}}]},
             "history":[{{string.Join(',', diffIds.Select((_, i) => $$"""{"created_by":"step {{i}}"}"""))}}]}
            """;
        var manifest = new ImageManifest
        {
            MediaType = Docker ? MediaTypes.DockerManifest : MediaTypes.OciManifest,
            Config = await PutAsync(store, Encoding.UTF8.GetBytes(config), Docker ? MediaTypes.DockerConfig : MediaTypes.OciConfig),
            Layers = layers,
        };
        byte[] content = (change?.Invoke(manifest) ?? manifest).ToBytes();
        var stored = new StoredManifest(manifest.MediaType!, Digest.Sha256(content), content);
        await store.PutManifestAsync(stored, tag, CancellationToken.None);
        return stored;
    }

    public static async Task<Descriptor> PutAsync(IImageStore store, byte[] content, string mediaType)
    {
        var descriptor = new Descriptor { MediaType = mediaType, Digest = Digest.Sha256(content), Size = content.Length };
        await using IBlobUpload upload = await store.StartUploadAsync(CancellationToken.None);
        await upload.WriteAsync(content, CancellationToken.None);
        await upload.CommitAsync(descriptor.Digest, CancellationToken.None);
        return descriptor;
    }
}
