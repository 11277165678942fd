using System.Globalization;
using System.Text;
using Sluice.Formats.Oci;
using Sluice.Formats.OverlayBd.Artifacts;
using Sluice.Storage.Sources;

namespace Sluice.Testing.Images;

/// <summary>A block image made of layers that exist already, with the annotations that its own converter writes.</summary>
internal sealed class BlockImage(params byte[][] layers)
{
    /// <summary>SHA-256 of the whole device of <see cref="Golden"/>, by number of layers.</summary>
    public static readonly string[] GoldenDevices =
    [
        "", "bdef098c8e1fe5c385e507f618dd2bc92410796c8736f9f9a211b46e1f5c51cd", "77435b76d8c056d92ac385e64e1ae66aa2073fc34d0e64bc037b5c16f871fac1",
        "d9421020e47885c7363685b0847cd824ba3965d9c22ffcdad8da87eb1f591720",
    ];

    public IReadOnlyList<byte[]> Layers { get; } = layers;

    /// <summary>What the configuration says that the layers are; null for the truth, their digests.</summary>
    public IReadOnlyList<Digest>? DiffIds { get; init; }

    /// <summary>The command of the image's configuration.</summary>
    public string Command { get; init; } = "/bin/sh";

    /// <summary>What its annotations say about the file system, right or wrong; null: nothing.</summary>
    public string? FileSystem { get; init; } = "ext4";

    /// <summary>The lowest layers of the ext4 image that overlaybd wrote, 1 to 3 of them.</summary>
    public static BlockImage Golden(int count = 3) =>
        new([.. Enumerable.Range(1, count).Select(layer => File.ReadAllBytes(Testing.Golden.Path($"overlaybd/tar/ext4_layer{layer}.tar")))]);

    public async Task<StoredManifest> StoreAsync(IImageStore store, string? tag)
    {
        List<Descriptor> descriptors = [];
        foreach (byte[] layer in Layers)
        {
            Descriptor descriptor = await PutAsync(store, layer, MediaTypes.OciLayer);
            Dictionary<string, string> annotations = new()
            {
                [OverlayBdAnnotations.BlobDigest] = descriptor.Digest.ToString(),
                [OverlayBdAnnotations.BlobSize] = descriptor.Size.ToString(CultureInfo.InvariantCulture),
                [OverlayBdAnnotations.Version] = OverlayBdAnnotations.NativeVersion,
            };
            if (FileSystem is not null) annotations[OverlayBdAnnotations.FileSystem] = FileSystem;
            descriptors.Add(descriptor with { Annotations = annotations });
        }

        string diffIds = string.Join(',', (DiffIds ?? [.. descriptors.Select(layer => layer.Digest)]).Select(diffId => $"\"{diffId}\""));
        string config = $$"""
            { "architecture": "{{Platform.Host.Architecture}}", "os": "{{Platform.Host.Os}}", "config": { "Cmd": ["{{Command}}"] },
              "rootfs": { "type": "layers", "diff_ids": [{{diffIds}}] } }
            """;
        var manifest = new ImageManifest { Config = await PutAsync(store, Encoding.UTF8.GetBytes(config), MediaTypes.OciConfig), Layers = descriptors };
        byte[] content = manifest.ToBytes();
        var stored = new StoredManifest(MediaTypes.OciManifest, Digest.Sha256(content), content);
        await store.PutManifestAsync(stored, tag, CancellationToken.None);
        return stored;
    }

    private static async Task<Descriptor> PutAsync(IImageStore store, byte[] content, string mediaType)
    {
        var descriptor = new Descriptor { MediaType = mediaType, Digest = Digest.Sha256(content), Size = content.Length };
        await using IBlobUpload upload = await store.StartUploadAsync(CancellationToken.None);
        await upload.WriteAsync(content, CancellationToken.None);
        await upload.CommitAsync(descriptor.Digest, CancellationToken.None);
        return descriptor;
    }
}
