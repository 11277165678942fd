using Sluice.Formats.OverlayBd.Lsmt;

namespace Sluice.Formats.OverlayBd.Index;

/// <summary>The two steps of a look-up that compare several values at once. Both inputs are aligned to a cache line.</summary>
internal unsafe interface IExtentSearch
{
    /// <summary>How many of the 16 ascending keys of a node are at most <paramref name="key"/>.</summary>
    static abstract int CountKeys(int* node, int key);

    /// <summary>How many of the 4 extents of a group end at or before <paramref name="offset"/>.</summary>
    static abstract int CountEnded(LsmtExtent* group, long offset);
}
