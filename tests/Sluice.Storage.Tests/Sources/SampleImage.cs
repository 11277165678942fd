using Sluice.Formats.Oci;
using Sluice.Storage.Sources;

namespace Sluice.Storage.Tests.Sources;

/// <summary>A small image with seeded content.</summary>
internal sealed class SampleImage
{
    public SampleImage(int seed = 1, int layerSize = 300_000, Digest? subject = null)
    {
        byte[] layer = new byte[layerSize];
        new Random(seed).NextBytes(layer);
        Layer = layer;
        Config = ImageConfig.Create(Platform.Parse("linux/amd64")).WithLayers([Digest.Sha256(layer)], []).ToBytes();
        byte[] manifest = new ImageManifest
        {
            Config = Describe(MediaTypes.OciConfig, Config),
            Layers = [LayerDescriptor],
            Subject = subject is { } digest ? new Descriptor { MediaType = MediaTypes.OciManifest, Digest = digest, Size = 10 } : null,
            ArtifactType = subject is null ? null : "application/vnd.test.signature",
        }.ToBytes();
        Manifest = new StoredManifest(MediaTypes.OciManifest, Digest.Sha256(manifest), manifest);
    }

    public byte[] Layer { get; }

    public byte[] Config { get; }

    public StoredManifest Manifest { get; }

    public Descriptor LayerDescriptor => Describe(MediaTypes.OciLayer, Layer);

    public static Descriptor Describe(string type, byte[] content) => new() { MediaType = type, Digest = Digest.Sha256(content), Size = content.Length };

    public async Task PutAsync(IImageStore store, string? tag)
    {
        foreach (byte[] blob in new[] { Config, Layer })
        {
            await using IBlobUpload upload = await store.StartUploadAsync(default);
            for (int at = 0; at < blob.Length; at += 70_000) await upload.WriteAsync(blob.AsMemory(at, Math.Min(70_000, blob.Length - at)), default);
            await upload.CommitAsync(Digest.Sha256(blob), default);
        }

        await store.PutManifestAsync(Manifest, tag, default);
    }

    public async Task CheckAsync(IImageStore store, string tag)
    {
        StoredManifest stored = await store.GetManifestAsync(tag, default);
        Assert.Equal(Manifest.Digest, stored.Digest);
        Assert.Equal(MediaTypes.OciManifest, stored.MediaType);
        Assert.True(stored.Content.Span.SequenceEqual(Manifest.Content.Span));
        Assert.Equal(Manifest.Digest, (await store.GetManifestAsync(Manifest.Digest.ToString(), default)).Digest);
        Assert.True(await store.HasBlobAsync(LayerDescriptor.Digest, default));
        Assert.Equal(Layer, await ReadAllAsync(store, LayerDescriptor));
        byte[] part = new byte[1234];
        await store.ReadAsync(LayerDescriptor.Digest, 4321, part, default);
        Assert.Equal(Layer[4321..(4321 + 1234)], part);
    }

    public static async Task<byte[]> ReadAllAsync(IImageStore store, Descriptor blob)
    {
        await using Stream stream = await store.OpenBlobAsync(blob, default);
        using MemoryStream whole = new();
        await stream.CopyToAsync(whole);
        return whole.ToArray();
    }
}
