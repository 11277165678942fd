namespace Sluice.Formats.OverlayBd.Lsmt;

/// <summary>
/// The index of a writable layer: where each written sector of the device is in the data file. What is inserted last wins;
/// what it covers is cut or dropped. A B+ tree: insertion, removal and lookup take logarithmic time, plus the extents that they meet.
/// </summary>
/// <remarks>
/// Extents that continue each other on the device and in the file are joined when the second one comes directly after the first.
/// Not thread-safe; lookups alone may run concurrently. The tree is in native memory; nothing is allocated on the collected heap.
/// </remarks>
#pragma warning disable CA1001 // the memory frees itself with the index; Clear does it at once
public sealed unsafe partial class LsmtMutableIndex
#pragma warning restore CA1001
{
    public LsmtMutableIndex() => _root = _nodes.Take();

    /// <summary>Extents in the index.</summary>
    public int Count { get; private set; }

    /// <summary>Sets where the extent's sectors are.</summary>
    /// <param name="extent">At least one sector.</param>
    /// <exception cref="SluiceException">The index would hold more than <see cref="LsmtLimits.MaxLogEntries"/>.</exception>
    public void Insert(in LsmtExtent extent)
    {
        if (extent.Length == 0 || extent.End > LsmtExtent.InvalidOffset) throw new ArgumentException("no sectors of a device", nameof(extent));
        Remove(extent.Offset, extent.Length);
        if (TryJoin(extent)) return;
        if (Count == LsmtLimits.MaxLogEntries) throw new SluiceException(SluiceError.Disk, "writable layer", "it has too many pieces", "commit the layer");
        Add(extent);
        GC.KeepAlive(this);
    }

    /// <summary>Discards sectors: they read as zeros, whatever lower layers hold.</summary>
    /// <param name="mappedOffset">Any sector within the data file; writers take its end.</param>
    public void InsertZeros(long offset, long count, long mappedOffset)
    {
        while (count > 0)
        {
            var taken = (int)Math.Min(count, LsmtExtent.MaxLength);
            Insert(new LsmtExtent(offset, taken, mappedOffset, zeroed: true));
            offset += taken;
            count -= taken;
        }
    }

    /// <summary>Forgets sectors: they read as the layers below.</summary>
    public void Remove(long offset, long count)
    {
        long end = offset + count;
        while (TryFind(offset, out IndexNode* leaf, out int at) && leaf->Items[at].Offset < end)
        {
            LsmtExtent found = leaf->Items[at];
            if (found.Offset < offset)
            {
                leaf->Items[at] = Cut(found, found.Offset, offset);
                if (found.End > end) Add(Cut(found, end, found.End));
                continue;
            }

            int next = at + 1;
            while (next < leaf->Count && leaf->Items[next].End <= end) next++;
            if (found.End > end) next = at + 1;
            RemoveRun(leaf, at, next);

            // Inserted anew, because its new offset may belong to another leaf.
            if (found.End > end) Add(Cut(found, end, found.End));
        }

        GC.KeepAlive(this);
    }

    /// <summary>The extents that hold a part of a range of sectors, in order, cut to the range. Gaps belong to lower layers.</summary>
    /// <returns>How many were found: if it is all of <paramref name="extents"/>, there may be more behind the last one.</returns>
    public int Lookup(long offset, long count, Span<LsmtExtent> extents)
    {
        int found = TryFind(offset, out IndexNode* leaf, out int at) ? Collect(leaf, at, offset, offset + count, extents) : 0;
        GC.KeepAlive(this);
        return found;
    }

    /// <summary>All extents in order.</summary>
    public LsmtExtent[] ToArray()
    {
        var extents = new LsmtExtent[Count];
        IndexNode* leaf = _root;
        while (leaf->IsInner) leaf = leaf->Children[0];
        for (int copied = 0; leaf != null; leaf = leaf->Next)
        {
            new ReadOnlySpan<LsmtExtent>(leaf->Items, leaf->Count).CopyTo(extents.AsSpan(copied));
            copied += leaf->Count;
        }

        GC.KeepAlive(this);
        return extents;
    }

    /// <summary>Forgets everything, and gives the memory back at once instead of when the index is collected.</summary>
    public void Clear()
    {
        _nodes.Clear();
        Count = 0;
        _root = _nodes.Take();
    }

    private static int Collect(IndexNode* leaf, int at, long start, long end, Span<LsmtExtent> extents)
    {
        int found = 0;
        for (; leaf != null; leaf = leaf->Next, at = 0)
        {
            for (; at < leaf->Count; at++)
            {
                LsmtExtent extent = leaf->Items[at];
                if (found == extents.Length || extent.Offset >= end) return found;
                extents[found++] = Cut(extent, Math.Max(extent.Offset, start), Math.Min(extent.End, end));
            }
        }

        return found;
    }

    private static LsmtExtent Cut(in LsmtExtent extent, long start, long end)
    {
        long mapped = extent.MappedOffset + (extent.IsZeroed ? 0 : start - extent.Offset);
        return new LsmtExtent(start, (int)(end - start), mapped, extent.IsZeroed, extent.Layer);
    }

    /// <summary>Makes the extent in front longer. Its place is free.</summary>
    private bool TryJoin(in LsmtExtent extent)
    {
        if (extent.Offset == 0 || !TryFind(extent.Offset - 1, out IndexNode* leaf, out int at)) return false;
        ref LsmtExtent before = ref leaf->Items[at];
        if (before.End != extent.Offset || before.IsZeroed != extent.IsZeroed || before.Layer != extent.Layer) return false;
        if (before.MappedOffset + (before.IsZeroed ? 0 : before.Length) != extent.MappedOffset) return false;
        if (before.Length + extent.Length > LsmtExtent.MaxLength) return false;
        before = new LsmtExtent(before.Offset, before.Length + extent.Length, before.MappedOffset, before.IsZeroed, before.Layer);
        return true;
    }
}
