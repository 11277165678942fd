namespace Sluice.Storage.Cache;

/// <summary>
/// What each chunk number of a shared cache file stands for. Images that share a blob share its cache file, and an image
/// is only as honest as who made it: one that gives a chunk another place or another digest than the image before it
/// must not read that chunk's bytes, and must not write over them. Such an image does not get into the shared file.
/// </summary>
/// <remarks>Holds the chunks that some image has named, not all that the blob claims to have. Added to under the directory's lock, read by anybody.</remarks>
internal sealed class ChunkIdentities
{
    private volatile ChunkIdentity[] _entries = [];

    /// <summary>All that is known, in the order of numbers and of offsets.</summary>
    public ReadOnlySpan<ChunkIdentity> All => _entries;

    /// <summary>Adds the chunks of <paramref name="format"/>; false, and nothing is added, if they contradict what is known.</summary>
    public bool TryAdd(IBlobFormat format)
    {
        if (Merge(format, null) is not { } count) return false;
        if (count == _entries.Length) return true;
        var merged = new ChunkIdentity[count];
        Merge(format, merged);
        _entries = merged;
        return true;
    }

    /// <summary>The place of <paramref name="number"/> in <see cref="All"/>, or a negative number.</summary>
    public static int Find(ReadOnlySpan<ChunkIdentity> all, int number)
    {
        // In most blobs all numbers are known.
        if ((uint)number < (uint)all.Length && all[number].Number == number) return number;
        (int low, int high) = (0, all.Length - 1);
        while (low <= high)
        {
            int middle = (low + high) >>> 1;
            if (all[middle].Number == number) return middle;
            if (all[middle].Number < number) low = middle + 1;
            else high = middle - 1;
        }

        return -1;
    }

    /// <summary>
    /// Walks both lists in the order of numbers. Offsets must grow with numbers, which they do in every blob that a builder
    /// writes: elsewhere overlaps could not be found in one pass.
    /// </summary>
    /// <returns>How many chunks both lists name together, or null if they contradict each other.</returns>
    private int? Merge(IBlobFormat format, ChunkIdentity[]? target)
    {
        ChunkIdentity[] entries = _entries;
        int count = 0;
        long end = 0;
        int last = -1;
        int known = 0;
        for (int slot = 0; known < entries.Length || slot < format.Count; count++)
        {
            ChunkIdentity next;
            int number = slot < format.Count ? format.GetExtent(slot).Number : int.MaxValue;
            if (known < entries.Length && entries[known].Number <= number)
            {
                next = entries[known++];
                if (next.Number == number && next != ChunkIdentity.Of(format, slot++)) return null;
            }
            else
            {
                next = ChunkIdentity.Of(format, slot++);
            }

            if (next.Number <= last || next.Offset < end) return null;
            (last, end) = (next.Number, next.Offset + next.Length);
            if (target is not null) target[count] = next;
        }

        return count;
    }
}
