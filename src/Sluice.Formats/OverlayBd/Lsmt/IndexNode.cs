using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Sluice.Formats.OverlayBd.Lsmt;

/// <summary>
/// A node of the tree of a <see cref="LsmtMutableIndex"/>, in native memory: 32 bytes, then extents, or keys and children. Leaves are
/// linked in order.
/// </summary>
[StructLayout(LayoutKind.Sequential, Size = HeaderSize)]
internal unsafe struct IndexNode
{
    public const int Size = 2048;

    /// <summary>Extents of a leaf.</summary>
    public const int LeafSize = (Size - HeaderSize) / LsmtExtent.Bytes;

    /// <summary>Children of an inner node.</summary>
    public const int Fanout = (Size - HeaderSize) / 16 /* key and child */;

    private const int HeaderSize = 32;

    public int Count;
    public bool IsInner;
    public IndexNode* Previous;

    /// <summary>Of a free node: the next free one.</summary>
    public IndexNode* Next;

    public readonly LsmtExtent* Items => (LsmtExtent*)((byte*)Unsafe.AsPointer(ref Unsafe.AsRef(in this)) + HeaderSize);

    /// <summary>Where children begin. The first one is not used: what is lower belongs to the first child.</summary>
    public readonly long* Keys => (long*)Items;

    public readonly IndexNode** Children => (IndexNode**)(Keys + Fanout);

    /// <summary>Of a leaf: the number of extents that begin at or before a sector.</summary>
    public readonly int FindExtent(long sector)
    {
        int low = 0, high = Count;
        while (low < high)
        {
            int middle = (low + high) >>> 1;
            if (Items[middle].Offset <= sector) low = middle + 1;
            else high = middle;
        }

        return low;
    }

    /// <summary>Of an inner node: the child that a sector belongs to.</summary>
    public readonly int FindChild(long sector)
    {
        int low = 1, high = Count;
        while (low < high)
        {
            int middle = (low + high) >>> 1;
            if (Keys[middle] <= sector) low = middle + 1;
            else high = middle;
        }

        return low - 1;
    }

    public void Insert(int at, in LsmtExtent extent)
    {
        Move(Items + at, Items + at + 1, Count - at);
        Items[at] = extent;
        Count++;
    }

    public void Insert(int at, IndexNode* child, long key)
    {
        Move(Keys + at, Keys + at + 1, Count - at);
        Move(Children + at, Children + at + 1, Count - at);
        Keys[at] = key;
        Children[at] = child;
        Count++;
    }

    public void RemoveExtents(int from, int to)
    {
        Move(Items + to, Items + from, Count - to);
        Count -= to - from;
    }

    public void RemoveChild(int at)
    {
        Count--;
        Move(Keys + at + 1, Keys + at, Count - at);
        Move(Children + at + 1, Children + at, Count - at);
    }

    /// <summary>Moves the upper half of a leaf out; nothing when the next extent comes at the end, as sequential writes then fill leaves.</summary>
    public void SplitLeaf(IndexNode* right, int at)
    {
        int kept = at == Count ? Count : Count / 2;
        right->Count = Count - kept;
        Move(Items + kept, right->Items, right->Count);
        right->Previous = (IndexNode*)Unsafe.AsPointer(ref this);
        right->Next = Next;
        if (Next != null) Next->Previous = right;
        Next = right;
        Count = kept;
    }

    /// <returns>The key that the right half begins at.</returns>
    public long SplitInner(IndexNode* right)
    {
        int kept = Count / 2;
        right->IsInner = true;
        right->Count = Count - kept;
        Move(Keys + kept, right->Keys, right->Count);
        Move((long*)Children + kept, (long*)right->Children, right->Count);
        Count = kept;
        return right->Keys[0];
    }

    public readonly void Unlink()
    {
        if (Previous != null) Previous->Next = Next;
        if (Next != null) Next->Previous = Previous;
    }

    private static void Move<T>(T* from, T* to, int count)
        where T : unmanaged => new ReadOnlySpan<T>(from, count).CopyTo(new Span<T>(to, count));

    private static void Move(IndexNode** from, IndexNode** to, int count) => Move((long*)from, (long*)to, count);
}
