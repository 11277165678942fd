using Sluice.Formats;
using Sluice.Formats.Oci;
using Sluice.Storage.Images;
using Sluice.Storage.Sources;

namespace Sluice.Node.Images;

/// <content>
/// What containerd and other nodes need of an image, as an OCI layout <c>layout/</c> in its directory: the index that its name means, if it is one, the manifest, the configuration, of a RAFS image the
/// layer with the bootstrap. Only images that were exported or imported have it. An image that was imported has a mark, too, until it is mounted: as long, no snapshot need refer to it.
/// </content>
internal sealed partial class LocalImages
{
    /// <summary>Under which the layout has what the image's name means.</summary>
    public const string TopTag = "image";

    private const string LayoutName = "layout";
    private const string ImportedMark = "imported";

    public string LayoutPath(Digest manifest) => Path.Combine(directory, manifest.Hex, LayoutName);

    public bool HasDocuments(Digest manifest) => Directory.Exists(LayoutPath(manifest));

    /// <summary>The layout, read-only.</summary>
    public IImageStore OpenDocuments(Digest manifest) => OpenLayout(LayoutPath(manifest));

    /// <summary>Images with documents that a reference may mean, the newest first.</summary>
    public IReadOnlyList<Digest> ListDocumented(ImageReference reference) =>
    [
        .. ListRecords().Select(image => image.Record)
            .Where(image => HasDocuments(image.Manifest) && IsMeant(reference, ImageReference.Parse(image.Reference)))
            .Select(image => image.Manifest)
            .OrderByDescending(manifest => Directory.GetLastWriteTimeUtc(LayoutPath(manifest))),
    ];

    /// <summary>Copies the documents of an image that is here. Those that are here stay.</summary>
    /// <param name="top">What the image's name means: its manifest, or the index that lists it.</param>
    /// <param name="image">At the store that has the documents.</param>
    /// <exception cref="SluiceException">The store can't deliver, or the disk refused.</exception>
    public async Task KeepDocumentsAsync(StoredManifest top, StoredImage image, CancellationToken cancellation)
    {
        string final = LayoutPath(image.Stored.Digest), fresh = $"{final}.{Guid.NewGuid():n}";
        try
        {
            await using (IImageStore layout = OpenLayout(fresh))
            {
                await layout.CopyBlobAsync(image.Store, image.Manifest.Config, cancellation);
                if (image.BootstrapLayer is { } bootstrap) await layout.CopyBlobAsync(image.Store, bootstrap, cancellation);
                if (top.Digest != image.Stored.Digest) await layout.PutManifestAsync(image.Stored, tag: null, cancellation);
                await layout.PutManifestAsync(top, TopTag, cancellation);
            }

            if (!Directory.Exists(final)) Directory.Move(fresh, final);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new SluiceException(SluiceError.Disk, final, $"can't be written: {exception.Message}", inner: exception);
        }
        finally
        {
            if (Directory.Exists(fresh)) Directory.Delete(fresh, recursive: true);
        }
    }

    /// <summary>True until the image is mounted: what is cached of it was brought here.</summary>
    public bool IsImported(Digest manifest) => File.Exists(ImportedPath(manifest));

    /// <exception cref="SluiceException"><see cref="SluiceError.Disk"/>.</exception>
    public void SetImported(Digest manifest, bool imported)
    {
        string path = ImportedPath(manifest);
        try
        {
            if (imported) WriteAnew(path);
            else if (File.Exists(path)) File.Delete(path);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new SluiceException(SluiceError.Disk, path, $"the mark can't be {(imported ? "set" : "taken away")}: {exception.Message}", inner: exception);
        }
    }

    private static void WriteAnew(string path)
    {
        File.Delete(path);
        WriteDurably(path, []);
    }

    private string ImportedPath(Digest manifest) => Path.Combine(directory, manifest.Hex, ImportedMark);

    /// <summary>A digest may be that of the index above: whoever looks into the layout will see.</summary>
    private static bool IsMeant(ImageReference wanted, ImageReference known) =>
        wanted.Host == known.Host && wanted.Repository == known.Repository && (wanted.Digest is not null || wanted.Tag == known.Tag);

    private static IImageStore OpenLayout(string path) => ImageStores.Open(new ImageReference { Transport = ImageTransport.Layout, Path = path, Tag = "" }, new SourceOptions());
}
