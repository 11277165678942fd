using Sluice.Formats.OverlayBd.Index;
using Sluice.Formats.OverlayBd.Lsmt;

namespace Sluice.Formats.Tests.OverlayBd.Index;

/// <summary>The obvious index: for every sector of a small device where it is. Layers are painted over each other.</summary>
internal sealed class SectorModel(int sectors)
{
    private readonly (int Layer, long Mapped)[] _sectors = [.. Enumerable.Repeat((Segment.Zeros, 0L), sectors)];
    private int _layers;

    public int Sectors => _sectors.Length;

    public void AddLayer(ReadOnlySpan<LsmtExtent> extents)
    {
        foreach (LsmtExtent extent in extents)
            for (int i = 0; i < extent.Length; i++)
                _sectors[extent.Offset + i] = extent.IsZeroed ? (Segment.Zeros, 0) : (_layers, extent.MappedOffset + i);
        _layers++;
    }

    /// <summary>Fails unless the segments cover the request from its first sector on, each where the model has it.</summary>
    public void Check(long offset, ReadOnlySpan<Segment> segments)
    {
        foreach (Segment segment in segments)
        {
            Assert.True(segment.Sectors > 0);
            for (int i = 0; i < segment.Sectors; i++, offset++)
            {
                (int layer, long mapped) = offset < _sectors.Length ? _sectors[offset] : (Segment.Zeros, 0);
                Assert.Equal(layer, segment.Layer);
                Assert.Equal(mapped, segment.IsZeros ? segment.MappedOffset : segment.MappedOffset + i);
            }
        }
    }
}
