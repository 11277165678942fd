using System.Collections.Concurrent;
using Microsoft.Win32.SafeHandles;
using Sluice.Formats;
using Sluice.Formats.Oci;

namespace Sluice.Storage.Sources.Layouts;

/// <summary>
/// Images in an OCI layout directory, which is made by the first write. Blobs appear by rename, <c>index.json</c> is
/// replaced by rename under a lock, so that several programs may write one layout.
/// </summary>
/// <param name="name">The culprit of errors; <c>oci:DIRECTORY</c> unless told.</param>
internal sealed partial class LayoutStore(string directory, string? name = null) : IImageStore, ITaggedStore
{
    private const int KeptOpen = 64;

    private readonly ConcurrentDictionary<Digest, SafeFileHandle> _open = new();
    private readonly string _directory = Path.GetFullPath(directory);

    public string Name { get; } = name ?? $"oci:{directory}";

    public async Task ReadAsync(Digest blob, long offset, Memory<byte> destination, CancellationToken cancellation)
    {
        if (!_open.TryGetValue(blob, out SafeFileHandle? handle))
        {
            handle = Open(blob);
            if (_open.Count >= KeptOpen)
            {
                using (handle) await ReadAsync(handle, blob, offset, destination, cancellation).ConfigureAwait(false);
                return;
            }

            SafeFileHandle kept = _open.GetOrAdd(blob, handle);
            if (kept != handle) handle.Dispose();
            handle = kept;
        }

        await ReadAsync(handle, blob, offset, destination, cancellation).ConfigureAwait(false);
    }

    public async Task<StoredManifest> GetManifestAsync(string tagOrDigest, CancellationToken cancellation) =>
        await (await LoadAsync(cancellation).ConfigureAwait(false)).GetAsync(tagOrDigest, cancellation).ConfigureAwait(false);

    public Task<Stream> OpenBlobAsync(Descriptor blob, CancellationToken cancellation)
    {
        FileStream file = Guard(() => new FileStream(PathOf(blob.Digest), FileMode.Open, FileAccess.Read, FileShare.ReadWrite, bufferSize: 0), blob.Digest);
        if (file.Length == blob.Size) return Task.FromResult<Stream>(new VerifyingStream(file, blob, Name));
        using (file) throw WrongSize(blob, file.Length);
    }

    public Task<bool> HasBlobAsync(Digest blob, CancellationToken cancellation) => Task.FromResult(File.Exists(PathOf(blob)));

    public async Task<IReadOnlyList<Descriptor>> GetReferrersAsync(Digest subject, string? artifactType, CancellationToken cancellation) =>
        await (await LoadAsync(cancellation).ConfigureAwait(false)).FindReferrersAsync(subject, artifactType, cancellation).ConfigureAwait(false);

    public async Task<IReadOnlyList<string>> ListTagsAsync(CancellationToken cancellation) => (await LoadAsync(cancellation).ConfigureAwait(false)).Tags;

    public ValueTask DisposeAsync()
    {
        foreach (SafeFileHandle handle in _open.Values) handle.Dispose();
        _open.Clear();
        return ValueTask.CompletedTask;
    }

    /// <summary>The file of a blob, whether it exists or not.</summary>
    public string PathOf(Digest digest) => Path.Combine(_directory, LayoutFiles.Blob(digest));

    /// <summary><c>index.json</c> as it is now.</summary>
    public async Task<ImageIndex> LoadIndexAsync(CancellationToken cancellation)
    {
        try
        {
            LayoutFiles.CheckMarker(await ReadFileAsync(LayoutFiles.Marker, 4096, cancellation).ConfigureAwait(false), Name);
            return ImageIndex.Parse(await ReadFileAsync(LayoutFiles.Index, OciLimits.Manifest, cancellation).ConfigureAwait(false));
        }
        catch (Exception error) when (error is FileNotFoundException or DirectoryNotFoundException)
        {
            throw new SluiceException(SluiceError.NotFound, Name, "is not an OCI layout: it has no oci-layout and index.json", inner: error);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new SluiceException(SluiceError.Source, Name, error.Message, inner: error);
        }
        catch (InvalidFormatException error)
        {
            throw new SluiceException(SluiceError.Image, Name, $"index.json is wrong: {error.Message}", inner: error);
        }
    }

    private async Task ReadAsync(SafeFileHandle handle, Digest blob, long offset, Memory<byte> destination, CancellationToken cancellation)
    {
        int done = 0;
        while (done < destination.Length)
        {
            int read;
            try
            {
                read = await RandomAccess.ReadAsync(handle, destination[done..], offset + done, cancellation).ConfigureAwait(false);
            }
            catch (IOException error)
            {
                throw new SluiceException(SluiceError.Source, Name, $"blob {blob}: {error.Message}", inner: error);
            }

            if (read == 0) throw new SluiceException(SluiceError.Source, Name, $"blob {blob} ends before byte {offset + destination.Length}");
            done += read;
        }
    }

    private async Task<byte[]> ReadFileAsync(string name, int limit, CancellationToken cancellation)
    {
        string path = Path.Combine(_directory, name);
        if (new FileInfo(path) is { Exists: true } file && file.Length > limit)
        {
            throw new SluiceException(SluiceError.Image, Name, $"{name} has {file.Length} bytes, more than the allowed {limit}");
        }

        return await File.ReadAllBytesAsync(path, cancellation).ConfigureAwait(false);
    }

    private async Task<LayoutCatalog> LoadAsync(CancellationToken cancellation) =>
        new(await LoadIndexAsync(cancellation).ConfigureAwait(false), Name, OpenBlobAsync, Size);

    private SafeFileHandle Open(Digest blob) => Guard(() => File.OpenHandle(PathOf(blob), options: FileOptions.RandomAccess | FileOptions.Asynchronous), blob);

    private long Size(Digest blob) => Guard(() => new FileInfo(PathOf(blob)).Length, blob);

    private T Guard<T>(Func<T> action, Digest blob)
    {
        try
        {
            return action();
        }
        catch (Exception error) when (error is FileNotFoundException or DirectoryNotFoundException)
        {
            throw new SluiceException(SluiceError.NotFound, Name, $"has no blob {blob}", inner: error);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new SluiceException(SluiceError.Source, Name, $"blob {blob}: {error.Message}", inner: error);
        }
    }

    private SluiceException WrongSize(Descriptor blob, long size) =>
        new(SluiceError.Source, Name, $"blob {blob.Digest} has {size} bytes, not {blob.Size}");
}
