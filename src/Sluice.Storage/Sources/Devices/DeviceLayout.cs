using System.Security.Cryptography;
using Sluice.Formats;
using Sluice.Formats.Oci;
using Sluice.Formats.OverlayBd;
using Sluice.Formats.OverlayBd.Artifacts;
using Sluice.Formats.OverlayBd.Lsmt;
using Sluice.Formats.OverlayBd.ZFile;

namespace Sluice.Storage.Sources.Devices;

/// <summary>A device configuration as an image: a manifest made of its layers, and which of them are files here.</summary>
/// <param name="Files">Paths by digest.</param>
internal sealed record DeviceLayout(StoredManifest Manifest, IReadOnlyDictionary<Digest, string> Files, string RepoBlobUrl)
{
    /// <summary>The configuration of an image that says nothing: what its manifest names, for those who look into one.</summary>
    public static ReadOnlyMemory<byte> ImageConfiguration { get; } = """{"rootfs":{"type":"layers"}}"""u8.ToArray();

    private static readonly string[] Names = ["overlaybd.commit", ".commit", "overlaybd.sealed"];

    /// <summary>
    /// Reads the configuration, and every layer that is a file: its digest is its name. Relative paths count from the configuration.
    /// In place of a configuration there may be the file of a layer: a device of this one layer.
    /// </summary>
    /// <exception cref="SluiceException">Not to be read, or of a kind that is not served.</exception>
    public static async Task<DeviceLayout> ReadAsync(string path, CancellationToken cancellation)
    {
        try
        {
            DeviceConfig config = await IsLayerAsync(path, cancellation) ? new DeviceConfig { Lowers = [new DeviceLayer { File = Path.GetFullPath(path) }] } : await ReadConfigAsync(path, cancellation);
            Dictionary<Digest, string> files = [];
            List<Descriptor> layers = [];
            foreach (DeviceLayer layer in config.Lowers!)
            {
                string? file = FindFile(layer, Path.GetDirectoryName(Path.GetFullPath(path))!);
                Descriptor blob = file is null ? Remote(layer, path) : await LocalAsync(layer, file, cancellation);
                if (file is not null) files[blob.Digest] = file;
                layers.Add(blob with { Annotations = new Dictionary<string, string> { [OverlayBdAnnotations.BlobDigest] = blob.Digest.ToString() } });
            }

            var image = new Descriptor { MediaType = MediaTypes.OciConfig, Digest = Digest.Sha256(ImageConfiguration.Span), Size = ImageConfiguration.Length };
            var manifest = new ImageManifest { Config = image, Layers = layers };
            byte[] content = manifest.ToBytes();
            return new DeviceLayout(new StoredManifest(MediaTypes.OciManifest, Digest.Sha256(content), content), files, config.RepoBlobUrl ?? "");
        }
        catch (Exception exception) when (exception is FileNotFoundException or DirectoryNotFoundException)
        {
            throw new SluiceException(SluiceError.NotFound, path, exception.Message, inner: exception);
        }
        catch (InvalidFormatException exception)
        {
            throw new SluiceException(SluiceError.Image, path, exception.Message, "name a config.v1.json, or the file of a layer", exception);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new SluiceException(SluiceError.Disk, path, $"can't be read: {exception.Message}", inner: exception);
        }
    }

    private static async Task<bool> IsLayerAsync(string path, CancellationToken cancellation)
    {
        await using FileStream file = File.OpenRead(path);
        byte[] head = new byte[TarWrapper.MaxHeaderLength];
        int length = await file.ReadAtLeastAsync(head, head.Length, throwOnEndOfStream: false, cancellation);
        ReadOnlySpan<byte> start = head.AsSpan(0, length);
        return ZFileHeader.IsMatch(start) || LsmtHeader.IsMatch(start) || TarWrapper.TryRead(start, file.Length, out _);
    }

    private static async Task<DeviceConfig> ReadConfigAsync(string path, CancellationToken cancellation)
    {
        if (new FileInfo(path).Length > DeviceConfig.MaxLength) throw new SluiceException(SluiceError.Image, path, "is too large for a device configuration");
        return DeviceConfig.Parse(await File.ReadAllBytesAsync(path, cancellation));
    }

    private static string? FindFile(DeviceLayer layer, string directory)
    {
        if (!string.IsNullOrEmpty(layer.File)) return Path.Combine(directory, layer.File);
        return string.IsNullOrEmpty(layer.Dir) ? null : Names.Select(name => Path.Combine(directory, layer.Dir, name)).FirstOrDefault(File.Exists);
    }

    private static Descriptor Remote(DeviceLayer layer, string path)
    {
        if (!Digest.TryParse(layer.Digest, out Digest digest)) throw new SluiceException(SluiceError.Image, path, "has a layer that is neither a file nor a digest");
        if (layer.Size <= 0) throw new SluiceException(SluiceError.Image, path, $"does not say the size of layer {digest}");
        return new Descriptor { MediaType = MediaTypes.OciLayer, Digest = digest, Size = layer.Size };
    }

    private static async Task<Descriptor> LocalAsync(DeviceLayer layer, string path, CancellationToken cancellation)
    {
        await using FileStream file = File.OpenRead(path);
        Digest digest = Digest.FromSha256(await SHA256.HashDataAsync(file, cancellation));
        if (Digest.TryParse(layer.Digest, out Digest expected) && expected.Algorithm == digest.Algorithm && expected != digest)
            throw new SluiceException(SluiceError.Image, path, $"is {digest} and not layer {expected}", "remove it, and the layer comes from the registry");
        return new Descriptor { MediaType = MediaTypes.OciLayer, Digest = digest, Size = file.Length };
    }
}
