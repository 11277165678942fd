using Sluice.Formats;
using Sluice.Formats.Oci;

namespace Sluice.Storage.Sources.Layouts;

/// <summary>
/// An OCI layout inside one tar file. Reading costs one pass over its headers. Writing collects in a directory beside the
/// file; disposing the store packs what <c>index.json</c> reaches, old content included, and replaces the file. The same
/// content gives the same file. Without a manifest put, disposing leaves the file as it is.
/// </summary>
internal sealed class ArchiveStore : IImageStore, ITaggedStore
{
    private readonly string _path;
    private readonly Lazy<ArchiveIndex?> _archive;
    private readonly SemaphoreSlim _gate = new(1);
    private LayoutStore? _staging;
    private string? _stagingDirectory;
    private bool _changed;

    public ArchiveStore(string path)
    {
        _path = Path.GetFullPath(path);
        Name = $"oci-archive:{path}";
        _archive = new Lazy<ArchiveIndex?>(OpenArchive);
    }

    public string Name { get; }

    public async Task ReadAsync(Digest blob, long offset, Memory<byte> destination, CancellationToken cancellation)
    {
        if (_staging is { } staging && await staging.HasBlobAsync(blob, cancellation).ConfigureAwait(false))
        {
            await staging.ReadAsync(blob, offset, destination, cancellation).ConfigureAwait(false);
            return;
        }

        (ArchiveIndex archive, long start, long length) = Find(blob);
        if (offset + destination.Length > length) throw new SluiceException(SluiceError.Source, Name, $"blob {blob} ends before byte {offset + destination.Length}");
        await new ArchiveRange(archive.File, start + offset, destination.Length, Name).ReadExactlyAsync(destination, cancellation).ConfigureAwait(false);
    }

    public async Task<StoredManifest> GetManifestAsync(string tagOrDigest, CancellationToken cancellation) =>
        await (await LoadAsync(cancellation).ConfigureAwait(false)).GetAsync(tagOrDigest, cancellation).ConfigureAwait(false);

    public async Task<Stream> OpenBlobAsync(Descriptor blob, CancellationToken cancellation)
    {
        if (_staging is { } staging && await staging.HasBlobAsync(blob.Digest, cancellation).ConfigureAwait(false))
        {
            return await staging.OpenBlobAsync(blob, cancellation).ConfigureAwait(false);
        }

        (ArchiveIndex archive, long start, long length) = Find(blob.Digest);
        if (length != blob.Size) throw new SluiceException(SluiceError.Source, Name, $"blob {blob.Digest} has {length} bytes, not {blob.Size}");
        return new VerifyingStream(new ArchiveRange(archive.File, start, length, Name), blob, Name);
    }

    public async Task<bool> HasBlobAsync(Digest blob, CancellationToken cancellation) =>
        (_staging is { } staging && await staging.HasBlobAsync(blob, cancellation).ConfigureAwait(false)) || _archive.Value?.TryFind(blob, out _, out _) == true;

    public async Task<IBlobUpload> StartUploadAsync(CancellationToken cancellation) =>
        await (await StageAsync(cancellation).ConfigureAwait(false)).StartUploadAsync(cancellation).ConfigureAwait(false);

    public async Task CopyBlobAsync(IImageStore source, Descriptor blob, CancellationToken cancellation)
    {
        if (await HasBlobAsync(blob.Digest, cancellation).ConfigureAwait(false)) return;
        await (await StageAsync(cancellation).ConfigureAwait(false)).CopyBlobAsync(source, blob, cancellation).ConfigureAwait(false);
    }

    public async Task PutManifestAsync(StoredManifest manifest, string? tag, CancellationToken cancellation)
    {
        await (await StageAsync(cancellation).ConfigureAwait(false)).PutManifestAsync(manifest, tag, cancellation).ConfigureAwait(false);
        _changed |= tag is not null || Referrers.Describe(manifest) is not null; // else index.json is as before, and a failed conversion leaves no file
    }

    public async Task<IReadOnlyList<Descriptor>> GetReferrersAsync(Digest subject, string? artifactType, CancellationToken cancellation) =>
        await (await LoadAsync(cancellation).ConfigureAwait(false)).FindReferrersAsync(subject, artifactType, cancellation).ConfigureAwait(false);

    public async Task<IReadOnlyList<string>> ListTagsAsync(CancellationToken cancellation) => (await LoadAsync(cancellation).ConfigureAwait(false)).Tags;

    /// <summary>Packs the archive if a manifest was put.</summary>
    /// <exception cref="SluiceException">The file can't be written; the old one is as it was.</exception>
    public async ValueTask DisposeAsync()
    {
        try
        {
            if (_changed) await ArchivePacker.PackAsync(_path, await LoadAsync(CancellationToken.None).ConfigureAwait(false), this, CancellationToken.None).ConfigureAwait(false);
            _changed = false;
        }
        finally
        {
            if (_staging is not null) await _staging.DisposeAsync().ConfigureAwait(false);
            if (_stagingDirectory is not null && Directory.Exists(_stagingDirectory)) Directory.Delete(_stagingDirectory, recursive: true);
            if (_archive is { IsValueCreated: true, Value: { } archive }) archive.Dispose();
            _gate.Dispose();
        }
    }

    private async Task<LayoutCatalog> LoadAsync(CancellationToken cancellation)
    {
        ImageIndex index = _staging is { } staging
            ? await staging.LoadIndexAsync(cancellation).ConfigureAwait(false)
            : ReadIndex(_archive.Value ?? throw new SluiceException(SluiceError.NotFound, Name, "does not exist"));
        return new LayoutCatalog(index, Name, OpenBlobAsync, SizeOf);
    }

    private ImageIndex ReadIndex(ArchiveIndex archive)
    {
        archive.TryFind(LayoutFiles.Index, out long offset, out long length);
        if (length > OciLimits.Manifest) throw new SluiceException(SluiceError.Image, Name, $"index.json has {length} bytes, more than the allowed {OciLimits.Manifest}");
        byte[] content = new byte[length];
        new ArchiveRange(archive.File, offset, length, Name).ReadExactly(content);
        return ImageIndex.Parse(content);
    }

    /// <summary>The directory for what is written, begun with the archive's index.</summary>
    private async Task<LayoutStore> StageAsync(CancellationToken cancellation)
    {
        await _gate.WaitAsync(cancellation).ConfigureAwait(false);
        try
        {
            if (_staging is not null) return _staging;
            string parent = Path.GetDirectoryName(_path) ?? "/";
            if (!Directory.Exists(parent)) throw new SluiceException(SluiceError.NotFound, Name, $"the directory {parent} does not exist", $"make it first: mkdir -p {parent}");
            _stagingDirectory = $"{_path}.partial-{Guid.NewGuid():N}";
            LayoutStore staging = new(_stagingDirectory, Name);
            ArchiveIndex? archive = _archive.Value;
            await staging.UpdateIndexAsync(empty => archive is null ? empty : ReadIndex(archive), cancellation).ConfigureAwait(false);
            return _staging = staging;
        }
        finally
        {
            _gate.Release();
        }
    }

    private (ArchiveIndex Archive, long Offset, long Length) Find(Digest blob) =>
        _archive.Value is { } archive && archive.TryFind(blob, out long offset, out long length)
            ? (archive, offset, length)
            : throw new SluiceException(SluiceError.NotFound, Name, $"has no blob {blob}");

    private long SizeOf(Digest blob) => _staging is { } staging && File.Exists(staging.PathOf(blob)) ? new FileInfo(staging.PathOf(blob)).Length : Find(blob).Length;

    private ArchiveIndex? OpenArchive()
    {
        try
        {
            return File.Exists(_path) ? ArchiveIndex.Open(_path, Name) : null;
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new SluiceException(SluiceError.Source, Name, error.Message, inner: error);
        }
    }
}
