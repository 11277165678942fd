namespace Sluice.Formats.Ext4;

/// <summary>
/// Where superblocks, descriptors, bitmaps and inode tables of all groups are. Nothing of a file may lie there, whatever a bitmap says: what is written would
/// change the structures that say where to write.
/// </summary>
internal sealed class MetadataMap
{
    private readonly (long Start, long End)[] _runs;

    /// <exception cref="InvalidFormatException">Some lie beyond the end, or over each other.</exception>
    public MetadataMap(Ext4Volume volume)
    {
        GroupTable groups = volume.Groups;
        int tableBlocks = groups.InodesPerGroup * volume.InodeSize / Ext4Layout.BlockSize;
        var runs = new List<(long Start, long End)>(4 * groups.Count);
        for (int group = 0; group < groups.Count; group++)
        {
            GroupDescriptor descriptor = groups.Read(group);
            Add(groups.FirstBlockOf(group), groups.BackupBlocks(group, reserved: false));
            Add(descriptor.BlockBitmap, 1);
            Add(descriptor.InodeBitmap, 1);
            Add(descriptor.InodeTable, tableBlocks);
        }

        runs.Sort();
        for (int i = 1; i < runs.Count; i++)
        {
            if (runs[i].Start < runs[i - 1].End) throw Ext4Error.Invalid("bitmaps or tables that lie over others", runs[i].Start);
        }

        _runs = [.. runs];

        void Add(long block, int count)
        {
            if (block < 0 || block > volume.BlockCount - count) throw Ext4Error.Invalid($"bitmaps or tables at block {block}, beyond the end of the file system");
            if (count > 0) runs.Add((block, block + count));
        }
    }

    /// <summary>The parts of a range that are metadata, in order.</summary>
    public IEnumerable<(long Start, long End)> In(long start, long end)
    {
        int low = 0, high = _runs.Length;
        while (low < high)
        {
            int middle = (low + high) / 2;
            if (_runs[middle].End <= start) low = middle + 1;
            else high = middle;
        }

        for (int i = low; i < _runs.Length && _runs[i].Start < end; i++) yield return (Math.Max(_runs[i].Start, start), Math.Min(_runs[i].End, end));
    }
}
