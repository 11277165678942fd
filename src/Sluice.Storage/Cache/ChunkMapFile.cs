using System.Buffers;
using System.Buffers.Binary;
using Microsoft.Win32.SafeHandles;
using Sluice.Formats.Oci;

namespace Sluice.Storage.Cache;

/// <summary>
/// The persistent side of a chunk map. A set bit on disk says "this chunk's bytes had reached the disk before this bit
/// was written": <see cref="BlobCache.Flush"/> syncs the data file first. What the file says is still only a hint; see
/// <see cref="BlobCache"/> for when it is believed.
/// </summary>
internal sealed class ChunkMapFile : IDisposable
{
    private readonly SafeFileHandle _file;
    private readonly Digest _blob;
    private readonly long _length;
    private readonly int _bits;
    private readonly ulong _tag;

    private ChunkMapFile(SafeFileHandle file, Digest blob, long length, int bits)
    {
        (_file, _blob, _length, _bits) = (file, blob, length, bits);
        _tag = ChunkMapLayout.BlobTag(blob);
    }

    /// <summary>
    /// Opens or creates the map and sets in <paramref name="present"/> what it holds. A file that is not exactly this blob's
    /// map is emptied; a damaged page counts as empty.
    /// </summary>
    /// <param name="cleanIdentities">SHA-256 of the identities at the last clean close, or null after any other end.</param>
    public static ChunkMapFile Open(string path, Digest blob, long length, AtomicBitmap present, out byte[]? cleanIdentities)
    {
        SafeFileHandle file = File.OpenHandle(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.ReadWrite | FileShare.Delete);
        ChunkMapFile map = new(file, blob, length, present.Length);
        try
        {
            cleanIdentities = map.Load(present);
            return map;
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    public void WriteHeader(bool clean, ReadOnlySpan<byte> identities)
    {
        byte[] page = ArrayPool<byte>.Shared.Rent(ChunkMapLayout.PageSize);
        ChunkMapLayout.WriteHeader(page, _blob, _length, _bits, clean ? ChunkMapLayout.CleanFlag : 0, identities);
        RandomAccess.Write(_file, page.AsSpan(0, ChunkMapLayout.PageSize), 0);
        ArrayPool<byte>.Shared.Return(page);
    }

    /// <summary>Writes one page of the bitmap from <paramref name="page"/>, whose bits the caller has filled in.</summary>
    public void WritePage(int number, Span<byte> page)
    {
        ChunkMapLayout.SealPage(page, number, _tag);
        RandomAccess.Write(_file, page[..ChunkMapLayout.PageSize], (1L + number) * ChunkMapLayout.PageSize);
    }

    /// <summary>Copies the bits of one page out of the bitmap in memory.</summary>
    public static void FillPage(AtomicBitmap bits, int number, Span<byte> page)
    {
        Span<byte> target = page[ChunkMapLayout.PageHeader..ChunkMapLayout.PageSize];
        int firstWord = number * (ChunkMapLayout.BitsPerPage / 64);
        for (int word = 0; word < target.Length / 8; word++)
        {
            ulong value = firstWord + word < bits.WordCount ? bits.Word(firstWord + word) : 0;
            BinaryPrimitives.WriteUInt64LittleEndian(target[(word * 8)..], value);
        }
    }

    public void Sync() => RandomAccess.FlushToDisk(_file);

    public void Dispose() => _file.Dispose();

    private byte[]? Load(AtomicBitmap present)
    {
        long expected = (1L + ChunkMapLayout.PageCount(_bits)) * ChunkMapLayout.PageSize;
        byte[] page = new byte[ChunkMapLayout.PageSize];
        if (RandomAccess.GetLength(_file) != expected
            || RandomAccess.Read(_file, page, 0) != page.Length
            || !ChunkMapLayout.IsHeaderOf(page, _blob, _length, _bits))
        {
            RandomAccess.SetLength(_file, 0);
            RandomAccess.SetLength(_file, expected);
            WriteHeader(clean: false, []);
            return null;
        }

        byte[]? identities = (ChunkMapLayout.Flags(page) & ChunkMapLayout.CleanFlag) != 0 ? ChunkMapLayout.Identities(page).ToArray() : null;
        for (int number = 0; number < ChunkMapLayout.PageCount(_bits); number++)
        {
            int read = RandomAccess.Read(_file, page, (1L + number) * ChunkMapLayout.PageSize);
            if (read == page.Length && ChunkMapLayout.IsPage(page, number, _tag)) LoadPage(page, number, present);
        }

        return identities;
    }

    private static void LoadPage(ReadOnlySpan<byte> page, int number, AtomicBitmap present)
    {
        int first = number * ChunkMapLayout.BitsPerPage;
        ReadOnlySpan<byte> bits = page[ChunkMapLayout.PageHeader..];
        for (int index = 0; index < bits.Length; index++)
        {
            for (int rest = bits[index]; rest != 0; rest &= rest - 1)
            {
                int bit = first + (index * 8) + int.TrailingZeroCount(rest);
                if (bit < present.Length) present.Set(bit);
            }
        }
    }
}
