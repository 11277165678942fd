namespace Sluice.Formats.Ext4;

/// <summary>
/// Hands out blocks in rising order from where it stood last, so that what is written one after another lies so on the device.
/// Bitmaps are read when their group's turn comes; groups without free blocks are passed by their descriptor.
/// </summary>
internal sealed class BlockAllocator(Ext4Volume volume)
{
    /// <summary>Runs of this many blocks (4 MiB) are good enough for anything; smaller requests get one run while there is one.</summary>
    private const int GoodRun = 1024;

    private readonly GroupTable _groups = volume.Groups;
    private readonly HashSet<int> _checked = [];
    private MetadataMap? _metadata;
    private int _group;
    private int _bit;

    /// <summary>Takes between one block and <paramref name="wanted"/>, but at most <see cref="Ext4Extent.MaxCount"/>.</summary>
    /// <exception cref="Ext4FullException">Nothing is free.</exception>
    public (long Block, int Count) Allocate(long wanted)
    {
        int most = (int)Math.Min(wanted, Ext4Extent.MaxCount);
        int enough = Math.Min(most, GoodRun);
        if (TryAllocate(enough, most, out long block, out int count) || TryAllocate(1, most, out block, out count))
        {
            if (volume.Cache.Holds(block, count)) throw Ext4Error.Invalid("a block in use that is marked free", block);
            return (block, count);
        }

        throw Ext4FullException.NoBlocks(volume, wanted);
    }

    public void Require(long count)
    {
        if (count > volume.FreeBlocks) throw Ext4FullException.NoBlocks(volume, count);
    }

    /// <summary>Gives blocks back. Blocks of metadata must be forgotten by the cache, too: see <see cref="FreeMetadata"/>.</summary>
    public void Free(long block, int count)
    {
        if (block < 0 || count < 0 || block + count > volume.BlockCount) throw Ext4Error.Invalid($"blocks {block} to {block + count} are beyond the end of the file system");
        volume.Store.Discard(block, count);
        while (count > 0)
        {
            int group = _groups.GroupOf(block), bit = (int)(block - _groups.FirstBlockOf(group));
            int part = Math.Min(count, _groups.BlocksOf(group) - bit);
            Span<byte> bitmap = Load(group).Bytes;
            if (Bitmap.NextClear(bitmap, bit, bit + part) < bit + part) throw Ext4Error.Invalid("a block in use that is marked free", block);
            Mark(group, bit, part, used: false);
            block += part;
            count -= part;
        }
    }

    public void FreeMetadata(long block)
    {
        volume.Cache.Forget(block);
        Free(block, 1);
    }

    private bool TryAllocate(int enough, int most, out long block, out int count)
    {
        for (int i = 0; i <= _groups.Count; i++)
        {
            int group = (_group + i) % _groups.Count;
            if (_groups.Read(group).FreeBlocks < enough) continue;
            if (!TryFind(Load(group).Bytes, i == 0 ? _bit : 0, _groups.BlocksOf(group), enough, most, out int bit, out count)) continue;
            Mark(group, bit, count, used: true);
            (_group, _bit) = (group, bit + count);
            block = _groups.FirstBlockOf(group) + bit;
            return true;
        }

        (block, count) = (0, 0);
        return false;
    }

    private static bool TryFind(ReadOnlySpan<byte> bitmap, int from, int end, int enough, int most, out int start, out int count)
    {
        for (start = Bitmap.NextClear(bitmap, from, end); start < end; start = Bitmap.NextClear(bitmap, start + count, end))
        {
            count = Bitmap.NextSet(bitmap, start, (int)Math.Min(end, (long)start + most)) - start;
            if (count >= enough) return true;
        }

        count = 0;
        return false;
    }

    private void Mark(int group, int bit, int count, bool used)
    {
        GroupDescriptor descriptor = _groups.Change(group);
        Span<byte> bitmap = volume.Cache.Change(descriptor.BlockBitmap, BlockKind.Plain).Bytes;
        int free = descriptor.FreeBlocks + (used ? -count : count);
        if (free < 0 || free > _groups.BlocksOf(group)) throw Ext4Error.Invalid($"the free blocks of group {group} are miscounted");
        descriptor.FreeBlocks = free;
        descriptor.Flags &= unchecked((ushort)~GroupDescriptor.BlocksUninitialised);
        if (used) Bitmap.Set(bitmap, bit, count);
        else Bitmap.Clear(bitmap, bit, count);
        volume.FreeBlocks += used ? -count : count;
    }

    private CachedBlock Load(int group)
    {
        GroupDescriptor descriptor = _groups.Read(group);
        bool uninitialised = volume.Checksums.OfGroups && (descriptor.Flags & GroupDescriptor.BlocksUninitialised) != 0;
        if (!uninitialised)
        {
            CachedBlock known = volume.Cache.Read(descriptor.BlockBitmap, BlockKind.Plain);
            if (_checked.Add(group)) Check(known, group);
            return known;
        }

        // Stays so until a block of the group is taken; the kernel makes the same bitmap.
        CachedBlock bitmap = volume.Cache.Zero(descriptor.BlockBitmap, BlockKind.Plain);
        bitmap.IsDirty = false;
        int blocks = _groups.BlocksOf(group);
        Bitmap.Set(bitmap.Bytes, blocks, (8 * Ext4Layout.BlockSize) - blocks);
        Bitmap.Set(bitmap.Bytes, 0, _groups.BackupBlocks(group));
        if (descriptor.FreeBlocks < blocks)
        {
            foreach ((int from, int to) in MetadataOf(group)) Bitmap.Set(bitmap.Bytes, from, to - from);
        }

        return bitmap;
    }

    private void Check(CachedBlock bitmap, int group)
    {
        foreach ((int from, int to) in MetadataOf(group))
        {
            if (Bitmap.NextClear(bitmap.Bytes, from, to) < to) throw Ext4Error.Invalid($"bitmaps or tables in group {group} that are marked free", bitmap.Number);
        }
    }

    /// <summary>Bits of metadata of any group that lies in this one.</summary>
    private IEnumerable<(int From, int To)> MetadataOf(int group)
    {
        long first = _groups.FirstBlockOf(group);
        return (_metadata ??= new MetadataMap(volume)).In(first, first + _groups.BlocksOf(group)).Select(run => ((int)(run.Start - first), (int)(run.End - first)));
    }
}
