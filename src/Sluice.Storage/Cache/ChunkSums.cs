using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;
using Sluice.Formats.Hashing;

namespace Sluice.Storage.Cache;

/// <summary>
/// Checksums of the stored chunks of a blob whose format has none of their content: the file <c>sums</c> beside the data, so that the
/// next process can tell what is intact. In memory as a whole, 4 bytes a chunk.
/// <code>
///  0  32  identity of the blob's chunks (<see cref="IBlobFormat.GetIdentity"/>); of others, the sums are of no use
/// 32  4n  CRC-32C of chunk n, begun with its number; little-endian
/// </code>
/// Written before the chunk map says that a chunk is there, but not synced: a sum that a power cut took shows as a wrong chunk and costs a fetch.
/// </summary>
internal sealed class ChunkSums : IDisposable
{
    private readonly SafeFileHandle _file;
    private readonly uint[] _sums;

    private ChunkSums(SafeFileHandle file, int count) => (_file, _sums) = (file, new uint[count]);

    /// <summary>Opens or creates the file. One of another blob, or of the same name with other chunks, is emptied.</summary>
    public static ChunkSums Open(string path, IBlobFormat format)
    {
        SafeFileHandle file = File.OpenHandle(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.ReadWrite | FileShare.Delete);
        try
        {
            ChunkSums sums = new(file, format.NumberCount);
            sums.Load(format.Count == 0 ? default : format.GetIdentity(0));
            return sums;
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    public void Set(int number, ReadOnlySpan<byte> content) => Volatile.Write(ref _sums[number], Compute(number, content));

    public bool Matches(int number, ReadOnlySpan<byte> content) => Volatile.Read(ref _sums[number]) == Compute(number, content);

    /// <summary>Writes the sums of some chunks to the file; those beyond the last chunk are ignored.</summary>
    public void Write(int first, int count) =>
        RandomAccess.Write(_file, MemoryMarshal.AsBytes(_sums.AsSpan(first, Math.Min(count, _sums.Length - first))), ChunkDigest.Size + (sizeof(uint) * (long)first));

    public void Dispose() => _file.Dispose();

    private static uint Compute(int number, ReadOnlySpan<byte> content) => Crc32C.Compute(content, (uint)number);

    private void Load(ChunkDigest identity)
    {
        Span<byte> stored = stackalloc byte[ChunkDigest.Size];
        long length = ChunkDigest.Size + (sizeof(uint) * (long)_sums.Length);
        if (RandomAccess.GetLength(_file) == length && RandomAccess.Read(_file, stored, 0) == stored.Length && new ChunkDigest(stored) == identity)
        {
            ReadSums();
            return;
        }

        RandomAccess.SetLength(_file, 0);
        RandomAccess.SetLength(_file, length);
        identity.CopyTo(stored);
        RandomAccess.Write(_file, stored, 0);
    }

    private void ReadSums()
    {
        Span<byte> rest = MemoryMarshal.AsBytes(_sums.AsSpan());
        for (long position = ChunkDigest.Size; !rest.IsEmpty;)
        {
            int read = RandomAccess.Read(_file, rest, position);
            if (read == 0) return;
            rest = rest[read..];
            position += read;
        }
    }
}
