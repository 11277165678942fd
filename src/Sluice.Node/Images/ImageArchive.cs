using System.Formats.Tar;
using System.Text;
using Sluice.Formats;
using Sluice.Formats.Oci;
using Sluice.Storage.Images;
using Sluice.Storage.Sources;

namespace Sluice.Node.Images;

/// <summary>
/// The part of an archive of the cache that makes images of it: an OCI layout with the documents of each (<see cref="LocalImages.HasDocuments"/>), in whose <c>index.json</c> they have their full names, and
/// of block images <c>images/MANIFEST/image.boot</c>, since the ends of layers, which that is made from, are no blobs.
/// </summary>
/// <param name="openStore">The store of a full reference; the caller's.</param>
internal sealed class ImageArchive(LocalImages images, Func<string, IImageStore> openStore, Func<TimeSpan> deadline)
{
    private const UnixFileMode Mode = UnixFileMode.UserRead | UnixFileMode.UserWrite;

    /// <summary>Has the documents of images here, from their source if need be.</summary>
    /// <returns>Images that an archive can hold, and what is wrong with the others, or null. Nobody misses the part of a block image's layers that the node has made an image of.</returns>
    public async Task<(IReadOnlyList<LocalImage> Complete, string? Fault)> CollectAsync(IEnumerable<Digest> manifests, CancellationToken cancellation)
    {
        List<LocalImage> complete = [];
        SluiceException? fault = null;
        foreach (Digest manifest in manifests)
        {
            if (images.Load(manifest) is not { } image) continue;
            try
            {
                if (!images.HasDocuments(manifest)) await FetchAsync(image.Record, cancellation);
                complete.Add(image);
            }
            catch (SluiceException exception)
            {
                if (fault is null || fault.Error == SluiceError.NotFound) fault = exception;
            }
        }

        return (complete, fault is { Error: SluiceError.NotFound } && complete.Count > 0 ? null : fault?.Message);
    }

    /// <summary>Writes images that <see cref="CollectAsync"/> found complete.</summary>
    public async Task WriteAsync(TarWriter tar, IReadOnlyList<LocalImage> complete, CancellationToken cancellation)
    {
        if (complete.Count == 0) return; // as earlier versions wrote it: data only
        List<Descriptor> tops = [];
        foreach (LocalImage image in complete)
        {
            await using IImageStore layout = images.OpenDocuments(image.Record.Manifest);
            StoredManifest top = await layout.GetManifestAsync(LocalImages.TopTag, cancellation);
            Dictionary<string, string> annotations = new(StringComparer.Ordinal) { [Annotations.ContainerdImageName] = image.Record.Name };
            if (ImageReference.Parse(image.Record.Reference).Tag is { Length: > 0 } tag) annotations[Annotations.RefName] = tag;
            tops.Add(top.ToDescriptor() with { Annotations = annotations });
        }

        await WriteAsync(tar, ArchivedImages.Marker, Encoding.ASCII.GetBytes("{\"imageLayoutVersion\":\"1.0.0\"}"), cancellation);
        await WriteAsync(tar, ArchivedImages.Index, new ImageIndex { Manifests = [.. tops.DistinctBy(top => (top.Digest, top.Annotations![Annotations.ContainerdImageName]))] }.ToBytes(), cancellation);
        HashSet<string> written = [];
        foreach (LocalImage image in complete)
        {
            string layout = images.LayoutPath(image.Record.Manifest);
            foreach (string file in Directory.EnumerateFiles(Path.Combine(layout, "blobs"), "*", SearchOption.AllDirectories).Order(StringComparer.Ordinal))
            {
                string name = Path.GetRelativePath(layout, file);
                if (written.Add(name)) await CopyAsync(tar, name, file, cancellation);
            }

            if (image.Content is BlockContent) await CopyAsync(tar, ArchivedImages.MetadataName(image.Record.Manifest), image.MetadataPath, cancellation);
        }
    }

    /// <summary>Takes what an archive has of images, entry by entry.</summary>
    public ArchivedImages Receive() => new(images.NewImportPath());

    /// <summary>Makes images known, though no snapshot refers to them yet. After their data.</summary>
    /// <returns>Their names.</returns>
    /// <exception cref="SluiceException">One of them is damaged, contradicts itself, or can't be stored.</exception>
    public async Task<IReadOnlyList<string>> KeepAsync(ArchivedImages archived, CancellationToken cancellation)
    {
        HashSet<string> names = [];
        foreach (ArchivedImage image in await archived.ReadAsync(cancellation))
        {
            ImageReference reference = ImageReference.Parse(image.Name);
            if (reference.Transport != ImageTransport.Registry) throw new InvalidFormatException("cache archive", $"an image '{image.Name}', which is not in a registry");
            bool isNew = images.Load(image.Downloaded.Source.Stored.Digest) is null;
            images.Save("docker://" + image.Name, image.Downloaded);
            if (!images.HasDocuments(image.Downloaded.Source.Stored.Digest)) await images.KeepDocumentsAsync(image.Top, image.Downloaded.Source, cancellation);
            if (isNew) images.SetImported(image.Downloaded.Source.Stored.Digest, imported: true);
            names.Add(image.Name);
        }

        return [.. names.Order(StringComparer.Ordinal)];
    }

    private async Task FetchAsync(ImageRecord image, CancellationToken cancellation)
    {
        await using IImageStore store = openStore(image.Reference);
        await SourceDeadline.AskAsync(deadline(), store, $"the documents of {image.Name}", async token =>
        {
            StoredManifest stored = await store.GetManifestAsync(image.Manifest.ToString(), token);
            StoredManifest top = await store.GetManifestAsync(ImageReference.Parse(image.Reference).TagOrDigest, token);
            if (!Lists(top, image.Manifest)) top = stored; // the name has moved on
            await images.KeepDocumentsAsync(top, StoredImage.Of(store, stored), token);
            return true;
        }, cancellation);
    }

    private static bool Lists(StoredManifest top, Digest manifest) =>
        MediaTypes.IsIndex(top.MediaType) && ImageIndex.Parse(top.Content.Span, top.MediaType).Manifests.Any(entry => entry.Digest == manifest);

    private static async Task CopyAsync(TarWriter tar, string name, string path, CancellationToken cancellation)
    {
        await using FileStream file = new(path, FileMode.Open, FileAccess.Read);
        await tar.WriteEntryAsync(new UstarTarEntry(TarEntryType.RegularFile, name) { DataStream = file, Mode = Mode }, cancellation);
    }

    private static Task WriteAsync(TarWriter tar, string name, byte[] content, CancellationToken cancellation) =>
        tar.WriteEntryAsync(new UstarTarEntry(TarEntryType.RegularFile, name) { DataStream = new MemoryStream(content, writable: false), Mode = Mode }, cancellation);
}
