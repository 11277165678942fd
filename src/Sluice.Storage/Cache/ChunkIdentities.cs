using System.Runtime.InteropServices;
using System.Security.Cryptography;
using Sluice.Formats.Hashing;

namespace Sluice.Storage.Cache;

/// <summary>
/// What each chunk number of a shared cache file stands for. Images that share a blob share its cache file, and an image
/// is only as honest as who made it: one that gives a chunk another place or another digest than the image before it
/// must not read that chunk's bytes, and must not write over them. Such an image does not get into the shared file.
/// </summary>
internal sealed class ChunkIdentities(int count)
{
    private readonly Entry[] _entries = new Entry[count];

    /// <summary>How many chunk numbers the blob has.</summary>
    public int Count => _entries.Length;

    /// <summary>Adds the chunks of <paramref name="format"/>; false, and nothing is added, if they contradict what is known.</summary>
    public bool TryAdd(IBlobFormat format)
    {
        if (!IsConsistent(format)) return false;
        for (int slot = 0; slot < format.Count; slot++)
        {
            ChunkExtent extent = format.GetExtent(slot);
            _entries[extent.Number] = new Entry(extent.Offset, extent.Length, format.GetIdentity(slot));
        }

        return true;
    }

    /// <summary>SHA-256 of everything known.</summary>
    public byte[] Fingerprint() => SHA256.HashData(MemoryMarshal.AsBytes(_entries.AsSpan()));

    private bool IsConsistent(IBlobFormat format)
    {
        // Numbers grow with offsets in every blob that a builder writes; where they don't, overlaps can't be found in one pass.
        int next = 0;
        long end = 0;
        for (int slot = 0; slot < format.Count; slot++)
        {
            ChunkExtent extent = format.GetExtent(slot);
            if (extent.Number < next || extent.Number >= _entries.Length || extent.Length <= 0) return false;
            for (; next < extent.Number; next++)
            {
                Entry between = _entries[next];
                if (between.Length == 0) continue;
                if (between.Offset < end) return false;
                end = between.Offset + between.Length;
            }

            Entry known = _entries[extent.Number];
            if (known.Length != 0 && known != new Entry(extent.Offset, extent.Length, format.GetIdentity(slot))) return false;
            if (extent.Offset < end || extent.End > format.Length) return false;
            end = extent.End;
            next = extent.Number + 1;
        }

        for (; next < _entries.Length; next++)
            if (_entries[next].Length != 0) return _entries[next].Offset >= end;

        return true;
    }

    /// <summary>48 bytes; <see cref="Length"/> 0 means that no image has named the chunk.</summary>
    [StructLayout(LayoutKind.Sequential)]
    private readonly record struct Entry(long Offset, long Length, ChunkDigest Digest);
}
