using System.Text;
using Microsoft.Win32.SafeHandles;
using Sluice.Formats;
using Sluice.Formats.Oci;
using Sluice.Formats.Tar;

namespace Sluice.Storage.Sources.Layouts;

/// <summary>Where the files of a layout are inside a tar file. Made by one pass over the headers; then ranges are plain reads.</summary>
internal sealed class ArchiveIndex : IDisposable
{
    private const int EntryLimit = 200_000;

    private readonly Dictionary<string, (long Offset, long Length)> _files = new(StringComparer.Ordinal);

    private ArchiveIndex(SafeFileHandle file) => File = file;

    public SafeFileHandle File { get; }

    /// <exception cref="SluiceException">No tar file, or none of a layout.</exception>
    public static ArchiveIndex Open(string path, string name)
    {
        SafeFileHandle handle = System.IO.File.OpenHandle(path, options: FileOptions.Asynchronous);
        ArchiveIndex index = new(handle);
        try
        {
            CheckCompression(handle, name);
            index.Scan(path);
            Span<byte> marker = stackalloc byte[256];
            if (!index.TryFind(LayoutFiles.Marker, out long offset, out long length) || !index.TryFind(LayoutFiles.Index, out _, out _))
            {
                throw new SluiceException(SluiceError.Image, name, "is not an OCI archive: it has no oci-layout and index.json", "docker save archives: convert them with skopeo");
            }

            int read = RandomAccess.Read(handle, marker[..(int)Math.Min(marker.Length, length)], offset);
            LayoutFiles.CheckMarker(marker[..read], name);
            return index;
        }
        catch (InvalidFormatException error)
        {
            index.Dispose();
            throw new SluiceException(SluiceError.Image, name, $"is no tar file that can be read: {error.Message}", inner: error);
        }
        catch
        {
            index.Dispose();
            throw;
        }
    }

    /// <param name="path">As in the layout: <c>index.json</c>, <c>blobs/sha256/…</c>.</param>
    public bool TryFind(string path, out long offset, out long length)
    {
        bool found = _files.TryGetValue(path, out var place);
        (offset, length) = place;
        return found;
    }

    public bool TryFind(Digest blob, out long offset, out long length) => TryFind(LayoutFiles.Blob(blob), out offset, out length);

    public void Dispose() => File.Dispose();

    private static void CheckCompression(SafeFileHandle handle, string name)
    {
        Span<byte> magic = stackalloc byte[4];
        int read = RandomAccess.Read(handle, magic, 0);
        if (read >= 2 && magic.StartsWith((ReadOnlySpan<byte>)[0x1F, 0x8B])) throw new SluiceException(SluiceError.Image, name, "is compressed with gzip", "unpack it with gunzip first: a compressed archive can't be read in part");
        if (read == 4 && magic.SequenceEqual((ReadOnlySpan<byte>)[0x28, 0xB5, 0x2F, 0xFD])) throw new SluiceException(SluiceError.Image, name, "is compressed with zstd", "unpack it with unzstd first: a compressed archive can't be read in part");
    }

    private void Scan(string path)
    {
        using TarReader reader = new(new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite, bufferSize: 0));
        for (int entries = 0; reader.ReadEntry() is { } entry; entries++)
        {
            if (entries == EntryLimit) throw new InvalidFormatException("tar", $"has more than {EntryLimit} entries");
            if (entry.Type == TarEntryType.Regular && entry.SparseMap is null) _files[Encoding.UTF8.GetString(entry.Path.Bytes)] = (reader.DataOffset, entry.Size);
        }
    }
}
