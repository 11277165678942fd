using Sluice.Formats;
using Sluice.Formats.Oci;
using Sluice.Formats.Rafs;
using Sluice.Storage.Activity;
using Sluice.Storage.Cache;
using Sluice.Storage.Fetching;
using Sluice.Storage.Images;
using Sluice.Storage.Sources;

namespace Sluice.Storage.Disks;

/// <summary>
/// Opens the disks of images. RAFS: for each blob the format from the bootstrap's chunk table and, where that is not enough, from
/// the blob's chunk-info table; a reader over the shared cache; a disk. Disks dispose their readers; directory, fetcher and
/// sources stay the caller's.
/// </summary>
/// <param name="activity">Told what is done for the image; null: nobody wants to know.</param>
/// <param name="deadline">Of reads of the image; null: the fetcher's.</param>
public sealed partial class ImageDisks(CacheDirectory directory, Fetcher fetcher, ImageActivity? activity = null, Func<TimeSpan>? deadline = null)
{
    private readonly Dictionary<Digest, BlobReader> _readers = [];

    /// <summary>Who reads which blob of what was opened; disposed with the disks.</summary>
    public IReadOnlyDictionary<Digest, BlobReader> Readers => _readers;

    /// <summary>One disk per blob, in the order of the device table.</summary>
    /// <param name="sources">Asked in this order.</param>
    /// <param name="nameSuffix">Appended to the blob's hex digits as <c>-suffix</c>; empty for none.</param>
    /// <param name="blobSize">Size of a blob by the manifest, or 0; lets chunk-info tables be checked before they are used.</param>
    /// <param name="localFile">Tarfs images: the path of a blob's plain, checked tar, whose disk that file becomes.</param>
    /// <exception cref="SluiceException">A table is corrupt or can't be had, or the cache can't be opened. Nothing stays open.</exception>
    public async Task<IReadOnlyList<IDisk>> OpenAsync(
        RafsImage image,
        IReadOnlyList<IBlobSource> sources,
        string nameSuffix,
        Func<Digest, long>? blobSize,
        Func<RafsBlob, string>? localFile,
        CancellationToken cancellation)
    {
        var chunks = new ChunkInfoLoader(image, sources, blobSize, directory);
        List<IDisk> disks = [];
        try
        {
            for (int index = 0; index < image.Blobs.Count; index++)
            {
                RafsBlob blob = image.Blobs[index];
                string name = nameSuffix.Length == 0 ? blob.Id : $"{blob.Id}-{nameSuffix}";
                disks.Add(image.IsTarfs
                    ? new LocalFileDisk(name, localFile?.Invoke(blob) ?? throw NeedsLocalFile(blob))
                    : new FilesystemDisk(name, await OpenReaderAsync(chunks, index, sources, cancellation)));
            }

            return disks;
        }
        catch
        {
            foreach (IDisk disk in disks) disk.Dispose();
            throw;
        }
    }

    /// <summary>The whole image as one disk.</summary>
    /// <param name="bootstrapFile">The bootstrap as a local file that does not change.</param>
    /// <exception cref="SluiceException">As <see cref="OpenAsync"/>, or the image is a tarfs one.</exception>
    public async Task<IDisk> OpenFlatAsync(
        RafsImage image, string bootstrapFile, IReadOnlyList<IBlobSource> sources, string name, Func<Digest, long>? blobSize, CancellationToken cancellation)
    {
        if (image.IsTarfs) throw new SluiceException(SluiceError.Image, name, "a tarfs image can't be served as one disk");
        var chunks = new ChunkInfoLoader(image, sources, blobSize, directory);
        List<(long Offset, BlobReader Reader)> readers = [];
        Microsoft.Win32.SafeHandles.SafeFileHandle? bootstrap = null;
        try
        {
            for (int index = 0; index < image.Blobs.Count; index++)
                readers.Add((image.Blobs[index].MappedOffset, await OpenReaderAsync(chunks, index, sources, cancellation)));
            bootstrap = File.OpenHandle(bootstrapFile);
            return new FlatDisk(name, bootstrap, readers);
        }
        catch (Exception e)
        {
            bootstrap?.Dispose();
            foreach ((_, BlobReader reader) in readers) reader.Dispose();
            if (e is IOException or UnauthorizedAccessException) throw new SluiceException(SluiceError.Disk, bootstrapFile, $"can't be opened: {e.Message}", inner: e);
            throw;
        }
    }

    private async Task<BlobReader> OpenReaderAsync(ChunkInfoLoader chunks, int index, IReadOnlyList<IBlobSource> sources, CancellationToken cancellation) =>
        OpenReader(new RafsBlobFormat(await chunks.OpenAsync(index, cancellation)), sources);

    private BlobReader OpenReader(IBlobFormat format, IReadOnlyList<IBlobSource> sources)
    {
        BlobReader reader = new(format, directory, fetcher, sources, activity, deadline);
        _readers[format.Blob] = reader;
        return reader;
    }

    private static SluiceException NeedsLocalFile(RafsBlob blob) =>
        new(SluiceError.Image, $"blob {blob.Id}", "a tarfs blob is read from a local, uncompressed tar, and none was given");
}
