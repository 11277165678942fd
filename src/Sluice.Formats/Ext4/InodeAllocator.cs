namespace Sluice.Formats.Ext4;

/// <summary>Hands out inodes in rising order, lowest free one first.</summary>
internal sealed class InodeAllocator(Ext4Volume volume)
{
    private readonly GroupTable _groups = volume.Groups;
    private int _group;
    private int _index = (int)volume.FirstInode - 1;

    /// <summary>Takes an inode; its record is zeros and marked as changed.</summary>
    /// <exception cref="Ext4FullException">All are in use.</exception>
    public uint Allocate(bool directory)
    {
        for (; _group < _groups.Count; _group++, _index = 0)
        {
            if (_groups.Read(_group).FreeInodes == 0) continue;
            int free = Bitmap.NextClear(Load(_group).Bytes, _index, _groups.InodesPerGroup);
            if (free == _groups.InodesPerGroup) continue;
            _index = free + 1;
            Take(_group, free, directory);
            uint inode = (uint)(((long)_group * _groups.InodesPerGroup) + free + 1);
            if (volume.Inodes.Fields(inode).Links != 0) throw Ext4Error.Invalid($"inode {inode} is in use but marked free");
            volume.Inodes.ChangeRecord(inode).Clear();
            return inode;
        }

        throw Ext4FullException.NoInodes(volume);
    }

    /// <summary>Gives an inode back and clears its record, as if it had never been used.</summary>
    public void Free(uint inode, bool directory)
    {
        int group = (int)((inode - 1) / (uint)_groups.InodesPerGroup), index = (int)((inode - 1) % (uint)_groups.InodesPerGroup);
        if (inode < volume.FirstInode || !Bitmap.IsSet(Load(group).Bytes, index)) throw Ext4Error.Invalid($"inode {inode} is in use but marked free");
        GroupDescriptor descriptor = _groups.Change(group);
        Bitmap.Clear(volume.Cache.Change(descriptor.InodeBitmap, BlockKind.Plain).Bytes, index, 1);
        descriptor.FreeInodes++;
        if (directory) descriptor.Directories = Math.Max(0, descriptor.Directories - 1);
        volume.FreeInodes++;
        volume.Inodes.ChangeRecord(inode).Clear();
        if (group < _group || (group == _group && index < _index)) (_group, _index) = (group, index);
    }

    /// <summary>Marks the inodes that never belong to a file as used: of a new file system.</summary>
    public void Reserve(int count)
    {
        for (int i = 0; i < count; i++) Take(0, i, directory: false);
    }

    public void TakeRoot()
    {
        _groups.Change(0).Directories++;
    }

    private void Take(int group, int index, bool directory)
    {
        CachedBlock bitmap = Load(group);
        GroupDescriptor descriptor = _groups.Change(group);
        bitmap.IsDirty = true;
        Bitmap.Set(bitmap.Bytes, index, 1);
        if (descriptor.FreeInodes == 0 || volume.FreeInodes == 0) throw Ext4Error.Invalid($"the free inodes of group {group} are miscounted");
        descriptor.FreeInodes--;
        if (directory) descriptor.Directories++;
        volume.FreeInodes--;
        if (!volume.Checksums.OfGroups) return;
        bool uninitialised = (descriptor.Flags & GroupDescriptor.InodesUninitialised) != 0;
        int used = uninitialised ? 0 : Math.Max(0, _groups.InodesPerGroup - descriptor.UnusedInodes);
        descriptor.Flags &= unchecked((ushort)~GroupDescriptor.InodesUninitialised);
        if (index < used) return;
        volume.Inodes.Initialise(group, used, index);
        descriptor.UnusedInodes = _groups.InodesPerGroup - index - 1;
    }

    private CachedBlock Load(int group)
    {
        GroupDescriptor descriptor = _groups.Read(group);
        bool uninitialised = volume.Checksums.OfGroups && (descriptor.Flags & GroupDescriptor.InodesUninitialised) != 0;
        if (!uninitialised) return volume.Cache.Read(descriptor.InodeBitmap, BlockKind.Plain);
        CachedBlock bitmap = volume.Cache.Zero(descriptor.InodeBitmap, BlockKind.Plain);
        bitmap.IsDirty = false;
        Bitmap.Set(bitmap.Bytes, _groups.InodesPerGroup, (8 * Ext4Layout.BlockSize) - _groups.InodesPerGroup);
        return bitmap;
    }
}
