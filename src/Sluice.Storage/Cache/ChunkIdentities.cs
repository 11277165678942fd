using System.Runtime.InteropServices;
using System.Security.Cryptography;
using Sluice.Formats.Hashing;

namespace Sluice.Storage.Cache;

/// <summary>
/// What each chunk number of a shared cache file stands for. Images that share a blob share its cache file, and an image
/// is only as honest as who made it: one that gives a chunk another place or another digest than the image before it
/// must not read that chunk's bytes, and must not write over them. Such an image does not get into the shared file.
/// </summary>
/// <remarks>Holds the chunks that some image has named, not all that the blob claims to have. Used under the directory's lock.</remarks>
internal sealed class ChunkIdentities
{
    private Entry[] _entries = [];

    /// <summary>Adds the chunks of <paramref name="format"/>; false, and nothing is added, if they contradict what is known.</summary>
    public bool TryAdd(IBlobFormat format)
    {
        if (Merge(format, null) is not { } count) return false;
        if (count == _entries.Length) return true;
        Entry[] merged = new Entry[count];
        Merge(format, merged);
        _entries = merged;
        return true;
    }

    /// <summary>SHA-256 of everything known.</summary>
    public byte[] Fingerprint() => SHA256.HashData(MemoryMarshal.AsBytes(_entries.AsSpan()));

    /// <summary>
    /// Walks both lists in the order of numbers. Offsets must grow with numbers, which they do in every blob that a builder
    /// writes: elsewhere overlaps could not be found in one pass.
    /// </summary>
    /// <returns>How many chunks both lists name together, or null if they contradict each other.</returns>
    private int? Merge(IBlobFormat format, Entry[]? target)
    {
        int count = 0;
        long end = 0;
        int last = -1;
        int known = 0;
        for (int slot = 0; known < _entries.Length || slot < format.Count; count++)
        {
            Entry next;
            int number = slot < format.Count ? format.GetExtent(slot).Number : int.MaxValue;
            if (known < _entries.Length && _entries[known].Number <= number)
            {
                next = _entries[known++];
                if (next.Number == number && next != EntryOf(format, slot++)) return null;
            }
            else
            {
                next = EntryOf(format, slot++);
            }

            if (next.Number <= last || next.Offset < end) return null;
            (last, end) = (next.Number, next.Offset + next.Length);
            if (target is not null) target[count] = next;
        }

        return count;
    }

    private static Entry EntryOf(IBlobFormat format, int slot)
    {
        ChunkExtent extent = format.GetExtent(slot);
        return new Entry(extent.Number, extent.Length, extent.Offset, format.GetIdentity(slot));
    }

    /// <summary>48 bytes.</summary>
    [StructLayout(LayoutKind.Sequential)]
    private readonly record struct Entry(int Number, int Length, long Offset, ChunkDigest Digest);
}
