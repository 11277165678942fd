using System.Runtime.CompilerServices;
using Sluice.Formats.OverlayBd.Lsmt;

namespace Sluice.Formats.OverlayBd.Index;

/// <summary>
/// The index of a whole stack of layers as one: which layer has a sector of the device, and where in its file. One look-up
/// answers for any number of layers. Made by <see cref="MergedIndexBuilder"/> or <see cref="MergedIndexFile"/>.
/// </summary>
/// <remarks>
/// Sorted extents in native memory (16 bytes each, <see cref="LsmtExtent.Layer"/> counting from the bottom) and a
/// <see cref="KeyTree"/> over them (1.07 bytes an extent). It never changes: any number of threads may look up at once. The owner
/// disposes it when no look-up runs any more.
/// </remarks>
public sealed unsafe class MergedIndex : IDisposable
{
    /// <summary>Layers of the highest stack, as in overlaybd.</summary>
    public const int MaxLayers = 255;

    /// <summary>Extents of the layers together, and of the merged index, as in overlaybd: 2 GB.</summary>
    public const int MaxExtents = 128_000_000;

    private readonly ExtentList _extents;
    private readonly KeyTree _tree;
    private readonly long _end;
    private LsmtExtent* _first;

    /// <param name="extents">In order. Belongs to the index from now on.</param>
    internal MergedIndex(ExtentList extents, int layerCount, long virtualSize)
    {
        LayerCount = layerCount;
        VirtualSize = virtualSize;
        _end = extents.Count == 0 ? 0 : extents.Span[^1].End;
        extents.Seal();
        _extents = extents;
        _first = extents.Items;
        _tree = new KeyTree(_first, extents.Count);
    }

    /// <summary>Layers of the stack, empty ones included.</summary>
    public int LayerCount { get; }

    /// <summary>Bytes of the device: what the top-most layer says that says something other than 0.</summary>
    public long VirtualSize { get; }

    /// <summary>In order, without overlaps; a zeroed extent hides what lower layers have. Valid until the index is disposed.</summary>
    public ReadOnlySpan<LsmtExtent> Extents => _extents.Span;

    /// <summary>
    /// Says where the sectors of a request are: segments in order that cover it from its first sector on, without gaps. When
    /// <paramref name="result"/> is too short for all of them, the caller goes on behind the last one. Sectors behind the last
    /// extent read as zeros, also those behind the end of the device.
    /// </summary>
    /// <param name="offset">First sector of the request.</param>
    /// <param name="sectors">Its length; the end is at most <see cref="LsmtExtent.InvalidOffset"/>.</param>
    /// <returns>Segments written to <paramref name="result"/>; 0 if and only if it or the request is empty.</returns>
    /// <exception cref="ArgumentOutOfRangeException">The request is no range of sectors.</exception>
    /// <exception cref="ObjectDisposedException">The index is gone.</exception>
    public int Lookup(long offset, int sectors, Span<Segment> result) =>
        VectorSearch.IsFast ? Lookup<VectorSearch>(offset, sectors, result) : Lookup<ScalarSearch>(offset, sectors, result);

    internal int Lookup<TSearch>(long offset, int sectors, Span<Segment> result)
        where TSearch : struct, IExtentSearch
    {
        ObjectDisposedException.ThrowIf(_first is null, this);
        if (sectors < 0 || (ulong)offset > (ulong)(LsmtExtent.InvalidOffset - sectors)) ThrowOutOfRange();
        long end = offset + sectors;
        LsmtExtent* extent = offset < _end ? FirstBehind<TSearch>(offset) : _first + _extents.Count;
        int count = 0;
        while (offset < end && count < result.Length)
        {
            bool hole = extent->Offset > offset;
            long stop = Math.Min(hole ? extent->Offset : extent->End, end);
            result[count++] = hole || extent->IsZeroed
                ? new Segment(0, (int)(stop - offset), Segment.Zeros)
                : new Segment(extent->MappedOffset + offset - extent->Offset, (int)(stop - offset), extent->Layer);
            offset = stop;
            if (!hole) extent++;
        }

        return count;
    }

    public void Dispose()
    {
        if (_first is null) return;
        _first = null;
        _tree.Free();
        _extents.Dispose();
    }

    /// <summary>The first extent that ends behind <paramref name="offset"/>, which is below the end of the last one.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private LsmtExtent* FirstBehind<TSearch>(long offset)
        where TSearch : struct, IExtentSearch
    {
        LsmtExtent* group = _first + (_tree.Find<TSearch>(offset) * KeyTree.GroupSize);
        LsmtExtent* extent = group + TSearch.CountEnded(group, offset);
        while (extent->End <= offset) extent++; // only where a shift of the tree made it stop before the right group
        return extent;
    }

    private static void ThrowOutOfRange() => throw new ArgumentOutOfRangeException(null, "not a range of sectors of a device");
}
