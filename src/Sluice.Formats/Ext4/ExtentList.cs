namespace Sluice.Formats.Ext4;

/// <summary>Collects the extents of a file in rising order, and joins those that follow each other.</summary>
internal sealed class ExtentList
{
    private readonly List<Ext4Extent> _extents = [];

    /// <summary>The block of the file behind the last one.</summary>
    public long End => _extents.Count == 0 ? 0 : _extents[^1].End;

    public void Add(long logical, long physical, int count)
    {
        if (_extents.Count > 0 && _extents[^1] is var last && last.End == logical && last.Physical + last.Count == physical
            && last.Count + count <= Ext4Extent.MaxCount)
        {
            _extents[^1] = last with { Count = last.Count + count };
        }
        else
        {
            _extents.Add(new Ext4Extent(logical, physical, count));
        }
    }

    public void Clear() => _extents.Clear();

    public Ext4Extent[] ToArray() => [.. _extents];
}
