using System.Text;
using Sluice.Formats;
using Sluice.Formats.Oci;
using Sluice.Formats.Tar;
using Sluice.Formats.Trees;

namespace Sluice.Storage.Sources.Layouts;

/// <summary>Writes a layout as a tar file: marker, index, then the reachable blobs by digest; no times, no owners.</summary>
internal static class ArchivePacker
{
    public static async Task PackAsync(string path, LayoutCatalog catalog, IImageStore content, CancellationToken cancellation)
    {
        string temporary = $"{path}.{Guid.NewGuid():N}";
        try
        {
            SortedDictionary<Digest, Descriptor> blobs = await CollectAsync(catalog, content, cancellation).ConfigureAwait(false);
            await using (FileStream file = new(temporary, FileMode.CreateNew, FileAccess.Write, FileShare.None, bufferSize: 0))
            {
                using TarWriter writer = new(file, leaveOpen: true);
                writer.WriteEntry(Entry(LayoutFiles.Marker, LayoutFiles.MarkerContent.Length), LayoutFiles.MarkerContent);
                byte[] index = catalog.Root.ToBytes();
                writer.WriteEntry(Entry(LayoutFiles.Index, index.Length), index);
                foreach (Descriptor blob in blobs.Values)
                {
                    await using Stream stream = await content.OpenBlobAsync(blob, cancellation).ConfigureAwait(false);
                    writer.WriteEntry(Entry(LayoutFiles.Blob(blob.Digest), blob.Size), stream);
                }

                writer.Finish();
                file.Flush(flushToDisk: true);
            }

            File.Move(temporary, path, overwrite: true);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new SluiceException(SluiceError.Disk, content.Name, $"can't be written: {error.Message}", inner: error);
        }
        finally
        {
            File.Delete(temporary);
        }
    }

    /// <summary>Everything that the index reaches. An index may list platforms that were not copied; a manifest must be complete.</summary>
    private static async Task<SortedDictionary<Digest, Descriptor>> CollectAsync(LayoutCatalog catalog, IImageStore content, CancellationToken cancellation)
    {
        SortedDictionary<Digest, Descriptor> blobs = [];
        Queue<Descriptor> pending = new(catalog.Root.Manifests);
        while (pending.TryDequeue(out Descriptor? entry))
        {
            if (blobs.ContainsKey(entry.Digest) || !await content.HasBlobAsync(entry.Digest, cancellation).ConfigureAwait(false)) continue;
            blobs.Add(entry.Digest, entry);
            if (MediaTypes.IsIndex(entry.MediaType))
            {
                foreach (Descriptor child in ImageIndex.Parse(await catalog.ReadAsync(entry, cancellation).ConfigureAwait(false), entry.MediaType).Manifests) pending.Enqueue(child);
            }
            else if (MediaTypes.IsManifest(entry.MediaType))
            {
                ImageManifest manifest = ImageManifest.Parse(await catalog.ReadAsync(entry, cancellation).ConfigureAwait(false), entry.MediaType);
                foreach (Descriptor blob in manifest.Layers.Prepend(manifest.Config).Where(blob => blob.Urls is null)) blobs.TryAdd(blob.Digest, blob);
            }
        }

        return blobs;
    }

    private static TarEntry Entry(string path, long size) => new()
    {
        Path = new FileName(Encoding.UTF8.GetBytes(path)),
        Type = TarEntryType.Regular,
        Mode = 0x1A4, // 0644
        Size = size,
    };
}
