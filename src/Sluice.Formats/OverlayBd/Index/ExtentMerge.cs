using Sluice.Formats.OverlayBd.Lsmt;

namespace Sluice.Formats.OverlayBd.Index;

/// <summary>Two indexes to one: the upper hides what it covers of the lower, zeroed extents included, and gaps fall through.</summary>
internal static class ExtentMerge
{
    private static readonly LsmtExtent Padding = new(LsmtExtent.InvalidOffset, 0, 0);

    /// <summary>
    /// Appends the merged index to <paramref name="output"/>, at most 2 × upper + lower extents: each of the upper can cut one in two. Nothing is
    /// joined: neighbours are of different layers, or were not to be joined before.
    /// </summary>
    public static unsafe void Merge(ReadOnlySpan<LsmtExtent> upper, ReadOnlySpan<LsmtExtent> lower, ExtentList output)
    {
        output.Reserve(checked((2 * upper.Length) + lower.Length));
        LsmtExtent* to = output.Items + output.Count;
        int next = 0;
        LsmtExtent below = Take(lower, ref next);
        long belowEnd = below.End;
        foreach (LsmtExtent extent in upper)
        {
            long offset = extent.Offset, end = extent.End;
            for (; belowEnd <= offset; below = Take(lower, ref next), belowEnd = below.End) *to++ = below;
            if (below.Offset < offset) *to++ = below.Until(offset);
            *to++ = extent;
            for (; belowEnd <= end; belowEnd = below.End) below = Take(lower, ref next);
            if (below.Offset < end) below = below.From(end);
        }

        for (; below.Length > 0; below = Take(lower, ref next)) *to++ = below;
        output.SetEnd(to);
    }

    /// <summary>The next extent; behind the last one a padding extent, which ends behind every other.</summary>
    private static LsmtExtent Take(ReadOnlySpan<LsmtExtent> extents, ref int next) => next < extents.Length ? extents[next++] : Padding;
}
