using System.Formats.Tar;
using Sluice.Formats;
using Sluice.Formats.Oci;
using Sluice.Storage.Cache;

namespace Sluice.Node.Images;

/// <summary>The cache as people see it: by images.</summary>
/// <param name="archive">The images' part of archives.</param>
/// <param name="open">Opens what is cached of an image that is not mounted: only its metadata says where chunks lie.</param>
internal sealed class ImageCache(CacheDirectory cache, LocalImages images, ImageArchive archive, Func<LocalImage, CancellationToken, Task<IAsyncDisposable>> open)
{
    public CacheCounters Counters => cache.Counters;

    /// <summary>Pins that an earlier process has left.</summary>
    public void ApplyPins() => cache.Pinned = images.ListPinnedBlobs();

    public (CacheCounters Counters, IReadOnlyList<(CachedBlob Blob, IReadOnlyList<string> Images)> Blobs) List()
    {
        ILookup<string, string> users = images.ListRecords()
            .SelectMany(image => image.Record.Blobs.Keys.Select(blob => (Blob: blob, image.Record.Reference)))
            .ToLookup(pair => pair.Blob, pair => NameOf(pair.Reference), StringComparer.Ordinal);
        return (cache.Counters, [.. cache.List().Select(blob => (blob, (IReadOnlyList<string>)[.. users[blob.Blob.ToString()].Distinct().Order(StringComparer.Ordinal)]))]);
    }

    /// <summary>Checks what is cached of all images that are here, mounted or not.</summary>
    public async Task<CacheVerification> VerifyAsync(CancellationToken cancellation)
    {
        HashSet<string> seen = [];
        CacheVerification sum = await Task.Run(() => cache.Verify(seen, default, cancellation), cancellation);
        IReadOnlySet<string> closed = ListClosed();
        foreach (Digest manifest in images.List())
        {
            if (sum.Unopened == 0) break;
            await using IAsyncDisposable? opened = await TryOpenAsync(manifest, closed, cancellation);
            if (opened is not null) sum = await Task.Run(() => cache.Verify(seen, sum, cancellation), cancellation);
        }

        return sum;
    }

    /// <param name="target">Bytes that may stay.</param>
    public Task<long> PruneAsync(long target, CancellationToken cancellation) => Task.Run(() => cache.Evict(target), cancellation);

    /// <param name="name">As <c>sluice pull</c> was given it, or the digest of the manifest.</param>
    /// <returns>Digests of the manifests that this name has here.</returns>
    /// <exception cref="SluiceException">No such image is here, or the disk refused.</exception>
    public IReadOnlyList<Digest> SetPinned(string name, bool pinned)
    {
        IReadOnlyList<Digest> found = Find(name);
        foreach (Digest manifest in found) images.SetPinned(manifest, pinned);
        ApplyPins();
        return found;
    }

    /// <summary>Writes what is cached of an image, and what a node without registry needs besides, to a tar file; an existing one is replaced.</summary>
    /// <param name="path">Absolute.</param>
    /// <exception cref="SluiceException">No such image is here, nothing of it is cached, or the file can't be written.</exception>
    public async Task<CarriedImages> ExportAsync(string name, string path, CancellationToken cancellation)
    {
        HashSet<Digest> manifests = [.. Find(name)];
        HashSet<Digest> blobs = [.. images.ListRecords().Where(image => manifests.Contains(image.Record.Manifest)).SelectMany(image => image.Record.Blobs.Keys).Select(Digest.Parse)];
        string fresh = path + ".new";
        try
        {
            CarriedImages carried;
            await using (FileStream file = new(fresh, new FileStreamOptions { Mode = FileMode.Create, Access = FileAccess.Write, UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite }))
            {
                await using (TarWriter tar = new(file, TarEntryFormat.Ustar, leaveOpen: true))
                {
                    (IReadOnlyList<LocalImage> complete, string? fault) = await archive.CollectAsync(manifests, cancellation);
                    await archive.WriteAsync(tar, complete, cancellation);
                    CacheArchiveSummary data = await ExportDataAsync(manifests, blobs, tar, cancellation);
                    if (data.Chunks == 0) throw new SluiceException(SluiceError.NotFound, name, "nothing of it is cached", "read it first: start a container, or mount it");
                    carried = new CarriedImages(data, [.. complete.Select(image => image.Record.Name).Distinct().Order(StringComparer.Ordinal)], fault);
                }

                file.Flush(flushToDisk: true);
            }

            File.Move(fresh, path, overwrite: true);
            return carried;
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new SluiceException(SluiceError.Disk, path, $"can't be written: {exception.Message}", inner: exception);
        }
        finally
        {
            File.Delete(fresh);
        }
    }

    /// <summary>Stores what an archive holds, and makes its images known: they can be pulled without their registry.</summary>
    /// <param name="path">Absolute.</param>
    /// <exception cref="SluiceException">The file can't be read, or is no such archive.</exception>
    public async Task<CarriedImages> ImportAsync(string path, CancellationToken cancellation)
    {
        try
        {
            await using FileStream file = new(path, FileMode.Open, FileAccess.Read, FileShare.Read, 1 << 20);
            using ArchivedImages archived = archive.Receive();
            CacheArchiveSummary data = await Task.Run(() => cache.Import(file, cancellation, archived.Takes), cancellation);
            return new CarriedImages(data, await archive.KeepAsync(archived, cancellation), null);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new SluiceException(SluiceError.Disk, path, $"can't be read: {exception.Message}", inner: exception);
        }
    }

    private async Task<CacheArchiveSummary> ExportDataAsync(IEnumerable<Digest> manifests, IReadOnlySet<Digest> blobs, TarWriter tar, CancellationToken cancellation)
    {
        IReadOnlySet<string> closed = ListClosed();
        List<IAsyncDisposable?> opened = [];
        try
        {
            foreach (Digest manifest in manifests) opened.Add(await TryOpenAsync(manifest, closed, cancellation));
            return await Task.Run(() => cache.Export(blobs, tar, cancellation), cancellation);
        }
        finally
        {
            foreach (IAsyncDisposable? image in opened)
                if (image is not null) await image.DisposeAsync();
        }
    }

    /// <summary>Cached blobs that are not open; looks at every blob's directory.</summary>
    private IReadOnlySet<string> ListClosed() => cache.List().Where(blob => !blob.IsOpen).Select(blob => blob.Blob.ToString()).ToHashSet();

    /// <summary>Null: it is damaged, a table of chunks can't be had, or nothing of it is here but what is open.</summary>
    private async Task<IAsyncDisposable?> TryOpenAsync(Digest manifest, IReadOnlySet<string> closed, CancellationToken cancellation)
    {
        if (images.Load(manifest) is not { } image || !image.Record.Blobs.Keys.Any(closed.Contains)) return null;
        try
        {
            return await open(image, cancellation);
        }
        catch (SluiceException)
        {
            return null;
        }
    }

    private IReadOnlyList<Digest> Find(string name)
    {
        List<Digest> found = [.. images.ListRecords().Select(image => image.Record).Where(image => NameOf(image.Reference) == NameOf(name) || image.Manifest.ToString() == name).Select(image => image.Manifest)];
        return found.Count > 0 ? found : throw new SluiceException(SluiceError.NotFound, name, "no image of this name is here", "`sluice cache ls` lists the images that are");
    }

    private static string NameOf(string reference)
    {
        const string transport = "docker://";
        return reference.StartsWith(transport, StringComparison.Ordinal) ? reference[transport.Length..] : reference;
    }
}
