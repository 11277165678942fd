using System.Runtime.InteropServices;
using Sluice.Formats.OverlayBd.Lsmt;

namespace Sluice.Formats.OverlayBd.Index;

/// <summary>
/// Collects the indexes of a stack's layers from the bottom to the top, and merges neighbours in pairs until one is left: each
/// extent takes part in log2(layers) passes.
/// </summary>
public sealed class MergedIndexBuilder : IDisposable
{
    private const string Format = "overlaybd stack";

    private readonly List<int> _ends = [];
    private ExtentList _extents = new();
    private ExtentList _merged = new();
    private long _virtualSize;

    public int LayerCount => _ends.Count;

    /// <summary>Puts a layer on top of those before. Its extents are copied.</summary>
    /// <param name="extents">Sorted by offset, without overlaps. Padding entries are skipped; layer numbers in it are ignored.</param>
    /// <param name="virtualSize">Bytes of the device as the layer has it; 0: as below.</param>
    /// <exception cref="InvalidFormatException">
    /// The extents are out of order, overlap or end behind the last sector; there are too many of them, or of layers. The builder is of no use then.
    /// </exception>
    public void AddLayer(ReadOnlySpan<LsmtExtent> extents, long virtualSize)
    {
        if (LayerCount == MergedIndex.MaxLayers) throw new InvalidFormatException(Format, $"more than {MergedIndex.MaxLayers} layers");
        if (_extents.Count > MergedIndex.MaxExtents - extents.Length)
            throw new InvalidFormatException(Format, $"more than {MergedIndex.MaxExtents} extents");
        if (virtualSize < 0) throw new InvalidFormatException(Format, $"layer {LayerCount} has a virtual size of {virtualSize}");

        _extents.Reserve(extents.Length);
        byte layer = (byte)LayerCount;
        long end = 0;
        for (int i = 0; i < extents.Length; i++)
        {
            LsmtExtent extent = extents[i];
            if (extent is { Offset: LsmtExtent.InvalidOffset, Length: 0 }) continue;
            if (!extent.MayFollow(end)) throw new InvalidFormatException(Format, $"entry {i} of the index of layer {layer} is out of place");
            end = extent.End;
            _extents.Append(new LsmtExtent(extent.Offset, extent.Length, extent.MappedOffset, extent.IsZeroed, layer));
        }

        _ends.Add(_extents.Count);
        if (virtualSize > 0) _virtualSize = virtualSize;
    }

    /// <summary>The merged index of the layers so far. The builder is empty afterwards.</summary>
    /// <exception cref="InvalidFormatException">The merged index has too many extents.</exception>
    public MergedIndex Build()
    {
        int layers = LayerCount;
        while (_ends.Count > 1) MergePairs();
        if (_extents.Count > MergedIndex.MaxExtents) throw new InvalidFormatException(Format, $"more than {MergedIndex.MaxExtents} extents after merging");

        MergedIndex index = new(_extents, layers, _virtualSize);
        _extents = new ExtentList();
        _ends.Clear();
        _virtualSize = 0;
        return index;
    }

    public void Dispose()
    {
        _extents.Dispose();
        _merged.Dispose();
    }

    private void MergePairs()
    {
        _merged.Clear();
        _merged.Reserve(_extents.Count);
        ReadOnlySpan<LsmtExtent> all = _extents.Span;
        int start = 0;
        int lists = 0;
        for (int pair = 0; pair < _ends.Count; pair += 2)
        {
            int middle = _ends[pair];
            int end = pair + 1 < _ends.Count ? _ends[pair + 1] : middle;
            ExtentMerge.Merge(upper: all[middle..end], lower: all[start..middle], _merged);
            _ends[lists++] = _merged.Count;
            start = end;
        }

        CollectionsMarshal.SetCount(_ends, lists);
        (_extents, _merged) = (_merged, _extents);
    }
}
