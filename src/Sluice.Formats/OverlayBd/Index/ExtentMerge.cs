using Sluice.Formats.OverlayBd.Lsmt;

namespace Sluice.Formats.OverlayBd.Index;

/// <summary>Two indexes to one: the upper hides what it covers of the lower, zeroed extents included, and gaps fall through.</summary>
internal static class ExtentMerge
{
    private static readonly LsmtExtent Padding = new(LsmtExtent.InvalidOffset, 0, 0);

    /// <summary>Appends the merged index to <paramref name="output"/>, at most 2 × upper + lower extents: each of the upper can cut one in two.</summary>
    public static void Merge(ReadOnlySpan<LsmtExtent> upper, ReadOnlySpan<LsmtExtent> lower, ExtentList output)
    {
        output.Reserve(checked((2 * upper.Length) + lower.Length));
        int next = 0;
        LsmtExtent below = Take(lower, ref next);
        foreach (LsmtExtent extent in upper)
        {
            for (; below.End <= extent.Offset; below = Take(lower, ref next)) output.Append(below);
            if (below.Offset < extent.Offset) output.Append(below.Until(extent.Offset));
            output.Append(extent);
            while (below.End <= extent.End) below = Take(lower, ref next);
            if (below.Offset < extent.End) below = below.From(extent.End);
        }

        for (; below.Length > 0; below = Take(lower, ref next)) output.Append(below);
    }

    /// <summary>The next extent; behind the last one a padding extent, which ends behind every other.</summary>
    private static LsmtExtent Take(ReadOnlySpan<LsmtExtent> extents, ref int next) => next < extents.Length ? extents[next++] : Padding;
}
