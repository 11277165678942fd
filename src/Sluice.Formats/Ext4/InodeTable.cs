using System.Runtime.InteropServices;

namespace Sluice.Formats.Ext4;

/// <summary>Finds inodes. Numbers count from 1.</summary>
internal sealed class InodeTable(Ext4Volume volume)
{
    private readonly int _perBlock = Ext4Layout.BlockSize / volume.InodeSize;
    private readonly Dictionary<long, uint> _firstOfBlock = [];

    /// <summary>The fields of an inode, to read only.</summary>
    public ref readonly InodeFields Fields(uint inode) => ref FieldsOf(Record(inode));

    /// <summary>The fields of an inode, to change.</summary>
    public ref InodeFields Change(uint inode) => ref FieldsOf(ChangeRecord(inode));

    /// <summary>The whole inode, its extended attributes included.</summary>
    public Span<byte> Record(uint inode) => Locate(inode, out int offset).Bytes.AsSpan(offset, volume.InodeSize);

    public Span<byte> ChangeRecord(uint inode)
    {
        CachedBlock block = Locate(inode, out int offset);
        block.IsDirty = true;
        return block.Bytes.AsSpan(offset, volume.InodeSize);
    }

    public static ref InodeFields FieldsOf(Span<byte> record) => ref MemoryMarshal.AsRef<InodeFields>(record[..InodeFields.Size]);

    public static Span<byte> BlocksOf(Span<byte> record) => record.Slice(InodeFields.BlocksOffset, InodeFields.BlocksLength);

    /// <summary>The first inode of a block of the table; only for blocks that were looked at.</summary>
    public uint FirstOf(long block) => _firstOfBlock[block];

    /// <summary>The blocks from inode index <paramref name="used"/> of the group up to the one that holds <paramref name="index"/> have never been written: makes them zeros.</summary>
    public void Initialise(int group, int used, int index)
    {
        long table = volume.Groups.Read(group).InodeTable;
        for (int block = (used + _perBlock - 1) / _perBlock; block <= index / _perBlock; block++)
        {
            _firstOfBlock[table + block] = First(group, block);
            volume.Cache.Zero(table + block, BlockKind.InodeTable);
        }
    }

    private CachedBlock Locate(uint inode, out int offset)
    {
        if (inode == 0 || inode > volume.InodeCount) throw Ext4Error.Invalid($"inode {inode} of {volume.InodeCount}");
        int perGroup = volume.Groups.InodesPerGroup;
        int group = (int)((inode - 1) / (uint)perGroup), index = (int)((inode - 1) % (uint)perGroup);
        int block = index / _perBlock;
        offset = index % _perBlock * volume.InodeSize;
        long number = volume.Groups.Read(group).InodeTable + block;
        if (volume.Checksums.OfMetadata) _firstOfBlock[number] = First(group, block);
        return volume.Cache.Read(number, BlockKind.InodeTable);
    }

    private uint First(int group, int block) => (uint)(((long)group * volume.Groups.InodesPerGroup) + ((long)block * _perBlock) + 1);
}
