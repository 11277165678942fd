using System.Runtime.InteropServices;
using Sluice.Formats.OverlayBd.Lsmt;

namespace Sluice.Formats.OverlayBd.Index;

/// <summary>Extents in native memory, in order; an extent that continues the last one becomes a part of it.</summary>
internal sealed unsafe class ExtentList : IDisposable
{
    private const int CacheLine = 64;
    private const int PerCacheLine = CacheLine / LsmtExtent.Bytes;

    private int _capacity;

    /// <summary>Aligned to cache lines. Null when empty or disposed.</summary>
    public LsmtExtent* Items { get; private set; }

    public int Count { get; private set; }

    public ReadOnlySpan<LsmtExtent> Span => new(Items, Count);

    /// <summary>Makes room for <paramref name="more"/> calls of <see cref="Append"/>.</summary>
    public void Reserve(int more)
    {
        int needed = checked(Count + more);
        if (needed > _capacity) Resize(Math.Max(needed, (int)Math.Min(2L * _capacity, MergedIndex.MaxExtents)));
    }

    /// <summary>Room must have been reserved.</summary>
    public void Append(LsmtExtent extent)
    {
        LsmtExtent* last = Items + Count - 1;
        if (Count > 0 && last->End == extent.Offset && last->IsContinuedBy(extent)) *last = last->WithLength(last->Length + extent.Length);
        else Items[Count++] = extent;
    }

    /// <summary>Extents were written behind the last one, up to <paramref name="end"/>; room must have been reserved.</summary>
    public void SetEnd(LsmtExtent* end) => Count = (int)(end - Items);

    /// <summary>Forgets all extents and keeps the room.</summary>
    public void Clear() => Count = 0;

    /// <summary>Copies extents that are in order and joined already.</summary>
    public void Append(ReadOnlySpan<LsmtExtent> extents)
    {
        Reserve(extents.Length);
        extents.CopyTo(new Span<LsmtExtent>(Items + Count, extents.Length));
        Count += extents.Length;
    }

    /// <summary>
    /// Gives back what is not used, and puts padding extents behind the last one: at least one, up to the end of a cache line.
    /// </summary>
    public void Seal()
    {
        Resize((Count + PerCacheLine) / PerCacheLine * PerCacheLine);
        new Span<LsmtExtent>(Items + Count, _capacity - Count).Fill(new LsmtExtent(LsmtExtent.InvalidOffset, 0, 0));
    }

    public void Dispose()
    {
        NativeMemory.AlignedFree(Items);
        Items = null;
        Count = _capacity = 0;
    }

    private void Resize(int capacity)
    {
        Items = (LsmtExtent*)NativeMemory.AlignedRealloc(Items, (nuint)capacity * LsmtExtent.Bytes, CacheLine);
        _capacity = capacity;
    }
}
