using System.Buffers;
using Microsoft.Win32.SafeHandles;
using Sluice.Formats.Oci;

namespace Sluice.Storage.Cache;

/// <summary>
/// The persistent side of a chunk map. A record on disk says "these bytes had reached the disk before this record
/// was written": <see cref="BlobCache.Flush"/> syncs the data file first. What the file says is still only a hint; see
/// <see cref="BlobCache"/> for when it is believed.
/// </summary>
internal sealed class ChunkMapFile : IDisposable
{
    private readonly SafeFileHandle _file;
    private readonly Digest _blob;
    private readonly long _length;
    private readonly ChunkRecord[] _records;
    private readonly AtomicBitmap _present;
    private readonly ulong _tag;

    private ChunkMapFile(SafeFileHandle file, Digest blob, long length, ChunkRecord[] records, AtomicBitmap present)
    {
        (_file, _blob, _length, _records, _present) = (file, blob, length, records, present);
        _tag = ChunkMapLayout.BlobTag(blob);
    }

    /// <summary>Bytes of the file.</summary>
    public long Length => (1L + ChunkMapLayout.PageCount(_records.Length)) * ChunkMapLayout.PageSize;

    /// <summary>
    /// Opens or creates the map and reads into <paramref name="records"/> and <paramref name="present"/> what it holds. A file that is not exactly this blob's
    /// map is emptied; a damaged page counts as empty.
    /// </summary>
    /// <param name="clean">The map was closed cleanly.</param>
    public static ChunkMapFile Open(string path, Digest blob, long length, ChunkRecord[] records, AtomicBitmap present, out bool clean)
    {
        SafeFileHandle file = File.OpenHandle(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.ReadWrite | FileShare.Delete);
        ChunkMapFile map = new(file, blob, length, records, present);
        try
        {
            clean = map.Load();
            return map;
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    public void WriteHeader(bool clean)
    {
        byte[] page = ArrayPool<byte>.Shared.Rent(ChunkMapLayout.PageSize);
        ChunkMapLayout.WriteHeader(page, _blob, _length, _records.Length, clean ? ChunkMapLayout.CleanFlag : 0);
        RandomAccess.Write(_file, page.AsSpan(0, ChunkMapLayout.PageSize), 0);
        ArrayPool<byte>.Shared.Return(page);
    }

    /// <summary>Copies the records of one page out of memory.</summary>
    public void FillPage(int number, Span<byte> page)
    {
        page[..ChunkMapLayout.PageSize].Clear();
        int first = number * ChunkMapLayout.RecordsPerPage;
        int end = Math.Min(first + ChunkMapLayout.RecordsPerPage, _records.Length);
        for (int chunk = first; chunk < end; chunk++)
            if (_present[chunk]) _records[chunk].Write(page[ChunkMapLayout.PositionOf(chunk)..]);
    }

    /// <summary>Writes a page that <see cref="FillPage"/> has filled.</summary>
    public void WritePage(int number, Span<byte> page)
    {
        ChunkMapLayout.SealPage(page, number, _tag);
        RandomAccess.Write(_file, page[..ChunkMapLayout.PageSize], (1L + number) * ChunkMapLayout.PageSize);
    }

    public void Sync() => SparseFile.Sync(_file);

    public void Dispose() => _file.Dispose();

    private bool Load()
    {
        byte[] page = new byte[ChunkMapLayout.PageSize];
        if (RandomAccess.GetLength(_file) != Length
            || RandomAccess.Read(_file, page, 0) != page.Length
            || !ChunkMapLayout.IsHeaderOf(page, _blob, _length, _records.Length))
        {
            RandomAccess.SetLength(_file, 0);
            RandomAccess.SetLength(_file, Length);
            WriteHeader(clean: false);
            return false;
        }

        bool clean = (ChunkMapLayout.Flags(page) & ChunkMapLayout.CleanFlag) != 0;
        for (int number = 0; number < ChunkMapLayout.PageCount(_records.Length); number++)
        {
            int read = RandomAccess.Read(_file, page, (1L + number) * ChunkMapLayout.PageSize);
            if (read == page.Length && ChunkMapLayout.IsPage(page, number, _tag)) LoadPage(page, number);
        }

        return clean;
    }

    private void LoadPage(ReadOnlySpan<byte> page, int number)
    {
        int first = number * ChunkMapLayout.RecordsPerPage;
        int end = Math.Min(first + ChunkMapLayout.RecordsPerPage, _records.Length);
        for (int chunk = first; chunk < end; chunk++)
        {
            ChunkRecord record = ChunkRecord.Read(page[ChunkMapLayout.PositionOf(chunk)..]);
            if (!record.IsStored) continue;
            _records[chunk] = record;
            _present.Set(chunk);
        }
    }
}
