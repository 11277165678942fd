using Sluice.Formats.OverlayBd.Lsmt;

namespace Sluice.Formats.OverlayBd.Index;

/// <summary>Cutting and joining extents. A zeroed extent maps nothing: its mapped offset stays as it is.</summary>
internal static class ExtentCuts
{
    /// <summary>True for an extent of an index whose last extent ends at <paramref name="previousEnd"/>: not empty, in order, on the device.</summary>
    public static bool MayFollow(this LsmtExtent extent, long previousEnd) =>
        extent.Offset >= previousEnd && extent.Length > 0 && extent.End < LsmtExtent.InvalidOffset;

    /// <summary>The part from <paramref name="offset"/> on, a sector of the extent.</summary>
    public static LsmtExtent From(this LsmtExtent extent, long offset)
    {
        long mapped = extent.IsZeroed ? extent.MappedOffset : extent.MappedOffset + offset - extent.Offset;
        return new LsmtExtent(offset, (int)(extent.End - offset), mapped, extent.IsZeroed, extent.Layer);
    }

    /// <summary>The part before <paramref name="offset"/>, a sector of the extent other than the first.</summary>
    public static LsmtExtent Until(this LsmtExtent extent, long offset) => extent.WithLength((int)(offset - extent.Offset));

    public static LsmtExtent WithLength(this LsmtExtent extent, int length) =>
        new(extent.Offset, length, extent.MappedOffset, extent.IsZeroed, extent.Layer);

    /// <summary>Whether <paramref name="next"/> goes on where the extent ends, in the device and in the file, and one extent can hold both.</summary>
    public static bool IsContinuedBy(this LsmtExtent extent, LsmtExtent next) =>
        extent.End == next.Offset
        && extent.Layer == next.Layer
        && extent.IsZeroed == next.IsZeroed
        && (extent.IsZeroed || extent.MappedOffset + extent.Length == next.MappedOffset)
        && extent.Length + next.Length <= LsmtExtent.MaxLength;
}
