namespace Sluice.Formats.Ext4;

/// <summary>The group descriptors, right behind the superblock's block.</summary>
internal sealed class GroupTable
{
    private const long FirstBlock = 1;

    /// <summary>Ours: 128 TiB in groups of the usual size. All descriptors are read, and kept as far as they are changed.</summary>
    private const int MaxGroups = 1 << 20;

    private readonly Ext4Volume _volume;
    private readonly int _descriptorSize;
    private readonly int _blocksPerGroup;
    private readonly int _backupRule;
    private readonly uint _backup0;
    private readonly uint _backup1;
    private readonly HashSet<int> _changed = [];

    public GroupTable(Ext4Volume volume)
    {
        ref Ext4Superblock superblock = ref volume.Superblock;
        _volume = volume;
        _descriptorSize = (superblock.Incompatible & Ext4Features.Wide) != 0 ? GroupDescriptor.WideSize : GroupDescriptor.Size;
        _blocksPerGroup = (int)superblock.BlocksPerGroup;
        _backupRule = (superblock.Compatible & Ext4Features.SparseSuper2) != 0 ? 2 : (superblock.ReadOnlyCompatible & Ext4Features.SparseSuper) != 0 ? 1 : 0;
        (_backup0, _backup1) = (superblock.BackupGroup0, superblock.BackupGroup1);
        InodesPerGroup = (int)superblock.InodesPerGroup;
        long count = (volume.BlockCount + _blocksPerGroup - 1) / _blocksPerGroup;
        DescriptorBlocks = (count * _descriptorSize + Ext4Layout.BlockSize - 1) / Ext4Layout.BlockSize;
        ReservedBlocks = superblock.ReservedDescriptorBlocks;
        if (count > MaxGroups) throw Ext4Error.Unsupported($"it has {count} groups", $"at most {MaxGroups} are");
        if (FirstBlock + DescriptorBlocks > volume.BlockCount) throw Ext4Error.Invalid($"{count} groups don't fit", 0);
        Count = (int)count;
    }

    public int Count { get; }

    public int InodesPerGroup { get; }

    /// <summary>Blocks that the descriptors of all groups take.</summary>
    public long DescriptorBlocks { get; }

    /// <summary>Blocks behind the descriptors that are kept for more of them.</summary>
    public int ReservedBlocks { get; }

    public long FirstBlockOf(int group) => (long)group * _blocksPerGroup;

    public int BlocksOf(int group) => (int)Math.Min(_blocksPerGroup, _volume.BlockCount - FirstBlockOf(group));

    public int GroupOf(long block) => (int)(block / _blocksPerGroup);

    public GroupDescriptor Read(int group) => new(Bytes(group, change: false));

    public GroupDescriptor Change(int group)
    {
        _changed.Add(group);
        return new GroupDescriptor(Bytes(group, change: true));
    }

    /// <summary>Blocks at the group's start that a copy of superblock and descriptors takes.</summary>
    /// <param name="reserved">With the room that is kept for more descriptors.</param>
    public int BackupBlocks(int group, bool reserved = true)
    {
        bool has = group == 0 || (_backupRule switch
        {
            2 => group == _backup0 || group == _backup1,
            1 => group == 1 || IsPower(group, 3) || IsPower(group, 5) || IsPower(group, 7),
            _ => true,
        });
        return has ? (int)Math.Min(FirstBlock + DescriptorBlocks + (reserved ? ReservedBlocks : 0), BlocksOf(group)) : 0;
    }

    /// <summary>Makes the checksums of changed bitmaps and descriptors.</summary>
    public void Seal()
    {
        if (_volume.Checksums.OfGroups)
        {
            foreach (int group in _changed) Seal(group);
        }

        _changed.Clear();
    }

    private void Seal(int group)
    {
        Span<byte> bytes = Bytes(group, change: true);
        var descriptor = new GroupDescriptor(bytes);
        MetadataChecksums checksums = _volume.Checksums;
        if (checksums.OfMetadata)
        {
            // An uninitialised bitmap has checksum 0 or whatever it was made with; nobody looks.
            if ((descriptor.Flags & GroupDescriptor.BlocksUninitialised) == 0)
                descriptor.BlockBitmapChecksum = checksums.OfBitmap(Bitmap(descriptor.BlockBitmap, _blocksPerGroup));
            if ((descriptor.Flags & GroupDescriptor.InodesUninitialised) == 0)
                descriptor.InodeBitmapChecksum = checksums.OfBitmap(Bitmap(descriptor.InodeBitmap, InodesPerGroup));
        }

        descriptor.Checksum = checksums.OfGroup((uint)group, bytes);
    }

    private ReadOnlySpan<byte> Bitmap(long block, int bits) => _volume.Cache.Read(block, BlockKind.Plain).Bytes.AsSpan(0, bits / 8);

    private Span<byte> Bytes(int group, bool change)
    {
        long at = (long)group * _descriptorSize;
        long block = FirstBlock + (at >> Ext4Layout.BlockBits);
        CachedBlock cached = _volume.Cache.Read(block, BlockKind.Descriptors);
        cached.IsDirty |= change;
        return cached.Bytes.AsSpan((int)at & (Ext4Layout.BlockSize - 1), _descriptorSize);
    }

    private static bool IsPower(int value, int root)
    {
        while (value > 1 && value % root == 0) value /= root;
        return value == 1;
    }
}
