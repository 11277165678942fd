using System.Formats.Tar;
using Sluice.Formats;
using Sluice.Formats.Oci;
using Sluice.Storage.Images;
using Sluice.Storage.Sources;

namespace Sluice.Node.Images;

/// <summary>Images that are read from an archive: its OCI layout, in a directory of its own until it is disposed.</summary>
/// <param name="directory">Does not exist; made when there is something to take.</param>
internal sealed class ArchivedImages(string directory) : IDisposable
{
    public const string Marker = "oci-layout";
    public const string Index = "index.json";

    private const string Metadata = "image.boot";

    private readonly IImageStore _layout = ImageStores.Open(new ImageReference { Transport = ImageTransport.Layout, Path = directory, Tag = "" }, new SourceOptions());

    public static string MetadataName(Digest manifest) => $"images/{manifest.Hex}/{Metadata}";

    /// <summary>Takes an entry of the archive; false: it is none of these. Only what has the shape of such a name becomes a path.</summary>
    /// <exception cref="SluiceException">The disk refused.</exception>
    public bool Takes(TarEntry entry)
    {
        if (entry.DataStream is not { } content || !IsName(entry.Name)) return false;
        string path = Path.Combine(directory, entry.Name);
        try
        {
            Directory.CreateDirectory(Path.GetDirectoryName(path)!, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
            using FileStream file = new(path, FileMode.Create, FileAccess.Write);
            content.CopyTo(file);
            return true;
        }
        catch (Exception exception) when (exception is (IOException and not EndOfStreamException) or UnauthorizedAccessException)
        {
            throw new SluiceException(SluiceError.Disk, path, $"can't be written: {exception.Message}", inner: exception);
        }
    }

    /// <summary>The images that are whole here. Documents have been checked against their digests; metadata of block images has nothing that vouches for it but the archive.</summary>
    /// <exception cref="SluiceException">A document is missing or damaged, or what is here contradicts itself.</exception>
    public async Task<IReadOnlyList<ArchivedImage>> ReadAsync(CancellationToken cancellation)
    {
        string index = Path.Combine(directory, Index);
        if (!File.Exists(index)) return []; // earlier versions wrote data only
        if (new FileInfo(index).Length > OciLimits.Manifest) throw new InvalidFormatException("cache archive", $"an {Index} of more than {OciLimits.Manifest} bytes");
        List<ArchivedImage> found = [];
        foreach (Descriptor entry in ImageIndex.Parse(await File.ReadAllBytesAsync(index, cancellation)).Manifests)
        {
            if (entry.Annotations?.GetValueOrDefault(Annotations.ContainerdImageName) is not { } name) continue;
            StoredManifest top = await _layout.GetManifestAsync(entry.Digest.ToString(), cancellation);
            Descriptor[] manifests = MediaTypes.IsIndex(top.MediaType) ? [.. ImageIndex.Parse(top.Content.Span, top.MediaType).Manifests] : [top.ToDescriptor()];
            foreach (Descriptor manifest in manifests)
            {
                if (!await _layout.HasBlobAsync(manifest.Digest, cancellation)) continue; // another platform
                found.Add(new ArchivedImage(name, top, await ReadAsync(await _layout.GetManifestAsync(manifest.Digest.ToString(), cancellation), cancellation)));
            }
        }

        return found;
    }

    public void Dispose()
    {
        if (Directory.Exists(directory)) Directory.Delete(directory, recursive: true);
    }

    private static bool IsName(string name) => name.Split('/') switch
    {
        [Marker or Index] => true,
        ["blobs", string algorithm, string hex] => Digest.TryParse($"{algorithm}:{hex}", out _),
        ["images", string hex, Metadata] => Digest.TryParse($"sha256:{hex}", out _),
        _ => false,
    };

    private async Task<DownloadedImage> ReadAsync(StoredManifest stored, CancellationToken cancellation)
    {
        StoredImage image = StoredImage.Of(_layout, stored);
        (await image.ReadConfigAsync(cancellation)).CheckLayers(image.Manifest);
        if (RemoteBlockImage.FindLayers(image.Manifest) is not { } layers) return DownloadedImage.Of(await RafsImageLoader.LoadAsync(image, cancellation));
        byte[] metadata = await ReadMetadataAsync(stored.Digest, cancellation);
        if (ImageContent.Parse(metadata) is not BlockContent blocks || !blocks.Stack.Layers.Select(layer => (layer.Blob, layer.Size)).SequenceEqual(layers.Select(layer => (layer.Digest, layer.Size))))
            throw new InvalidFormatException("cache archive", $"{MetadataName(stored.Digest)} is of other layers than its manifest");
        blocks.Stack.ReadIndex().Dispose();
        return new DownloadedImage(image, metadata, blocks);
    }

    private async Task<byte[]> ReadMetadataAsync(Digest manifest, CancellationToken cancellation)
    {
        string path = Path.Combine(directory, MetadataName(manifest));
        return File.Exists(path) ? await File.ReadAllBytesAsync(path, cancellation) : throw new InvalidFormatException("cache archive", $"{MetadataName(manifest)} is missing");
    }
}

/// <param name="Name">As people and containerd call it.</param>
/// <param name="Top">What the name means: the image's manifest, or the index that lists it.</param>
internal sealed record ArchivedImage(string Name, StoredManifest Top, DownloadedImage Downloaded);
