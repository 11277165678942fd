using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;
using Sluice.Formats;
using Sluice.Formats.Oci;

namespace Sluice.Storage.Sources.Layouts;

/// <content>Writing.</content>
internal sealed partial class LayoutStore
{
    public Task<IBlobUpload> StartUploadAsync(CancellationToken cancellation)
    {
        Create();
        return Task.FromResult<IBlobUpload>(new LayoutUpload(this, Path.Combine(_directory, "blobs", $".upload-{Guid.NewGuid():N}")));
    }

    public async Task CopyBlobAsync(IImageStore source, Descriptor blob, CancellationToken cancellation)
    {
        if (await HasBlobAsync(blob.Digest, cancellation).ConfigureAwait(false)) return;
        if (source is LayoutStore layout)
        {
            Create();
            if (Link(layout.PathOf(blob.Digest), PathOf(blob.Digest)) == 0) return;
        }

        await BlobCopy.StreamAsync(source, this, blob, cancellation).ConfigureAwait(false);
    }

    public async Task PutManifestAsync(StoredManifest manifest, string? tag, CancellationToken cancellation)
    {
        if (!manifest.Digest.Matches(Hash(manifest)))
        {
            throw new SluiceException(SluiceError.Usage, Name, $"the manifest does not have the digest {manifest.Digest}");
        }

        Create();
        await using (IBlobUpload upload = await StartUploadAsync(cancellation).ConfigureAwait(false))
        {
            await upload.WriteAsync(manifest.Content, cancellation).ConfigureAwait(false);
            await upload.CommitAsync(manifest.Digest, cancellation).ConfigureAwait(false);
        }

        // An untagged manifest is found through the index that lists it. A referrer has nobody who lists it but index.json.
        if (tag is null && Referrers.Describe(manifest) is null) return;
        await UpdateIndexAsync(index => Enter(index, manifest.ToDescriptor(), tag), cancellation).ConfigureAwait(false);
    }

    /// <summary>Changes <c>index.json</c>; other writers wait.</summary>
    public async Task UpdateIndexAsync(Func<ImageIndex, ImageIndex> change, CancellationToken cancellation)
    {
        Create();
        await using FileStream held = await LayoutLock.AcquireAsync(Path.Combine(_directory, LayoutFiles.Index + ".lock"), Name, cancellation).ConfigureAwait(false);
        ImageIndex index = await LoadIndexAsync(cancellation).ConfigureAwait(false);
        Replace(LayoutFiles.Index, change(index).ToBytes());
    }

    /// <summary>Puts a finished file in its place as a blob.</summary>
    public void Adopt(string temporary, Digest digest)
    {
        string path = PathOf(digest);
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        File.Move(temporary, path, overwrite: true);
        if (_open.TryRemove(digest, out SafeFileHandle? replaced)) replaced.Dispose(); // it shows the file that was there before
    }

    private static ImageIndex Enter(ImageIndex index, Descriptor manifest, string? tag)
    {
        Dictionary<string, string>? annotations = string.IsNullOrEmpty(tag) ? null : new(StringComparer.Ordinal) { [Annotations.RefName] = tag };
        IEnumerable<Descriptor> others = tag switch
        {
            null => index.Manifests.Where(entry => entry.Digest != manifest.Digest),
            "" => index.Manifests.Where(entry => LayoutCatalog.TagOf(entry) is not null),
            _ => index.Manifests.Where(entry => LayoutCatalog.TagOf(entry) != tag),
        };
        if (tag is null && index.Manifests.Any(entry => entry.Digest == manifest.Digest)) return index;
        return index with { Manifests = [.. others, manifest with { Annotations = annotations }] };
    }

    private static byte[] Hash(StoredManifest manifest)
    {
        using var hash = manifest.Digest.NewHash();
        hash.AppendData(manifest.Content.Span);
        return hash.GetHashAndReset();
    }

    [LibraryImport("libc", EntryPoint = "link", StringMarshalling = StringMarshalling.Utf8, SetLastError = true)]
    private static partial int Link(string existing, string added);

    private void Create()
    {
        try
        {
            Directory.CreateDirectory(Path.Combine(_directory, "blobs", "sha256"));
            if (!File.Exists(Path.Combine(_directory, LayoutFiles.Index))) Introduce(LayoutFiles.Index, new ImageIndex { Manifests = [] }.ToBytes());
            if (!File.Exists(Path.Combine(_directory, LayoutFiles.Marker))) Introduce(LayoutFiles.Marker, LayoutFiles.MarkerContent);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new SluiceException(SluiceError.Disk, Name, $"can't be created: {error.Message}", inner: error);
        }
    }

    /// <summary>Writes a file that must not replace one that another writer has just made.</summary>
    private void Introduce(string name, ReadOnlySpan<byte> content)
    {
        string temporary = WriteTemporary(name, content);
        try
        {
            _ = Link(temporary, Path.Combine(_directory, name));
        }
        finally
        {
            File.Delete(temporary);
        }

        if (!File.Exists(Path.Combine(_directory, name))) Replace(name, content);
    }

    private void Replace(string name, ReadOnlySpan<byte> content)
    {
        string temporary = WriteTemporary(name, content);
        File.Move(temporary, Path.Combine(_directory, name), overwrite: true);
    }

    private string WriteTemporary(string name, ReadOnlySpan<byte> content)
    {
        string temporary = Path.Combine(_directory, $".{name}-{Guid.NewGuid():N}");
        using FileStream file = new(temporary, FileMode.CreateNew, FileAccess.Write, FileShare.None, bufferSize: 0);
        file.Write(content);
        file.Flush(flushToDisk: true);
        return temporary;
    }
}
