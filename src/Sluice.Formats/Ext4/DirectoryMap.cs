using System.Runtime.InteropServices;
using Sluice.Formats.Trees;

namespace Sluice.Formats.Ext4;

/// <summary>Where the blocks of a directory are, and the names in them.</summary>
internal static class DirectoryMap
{
    /// <summary>The blocks in order; a directory has no holes.</summary>
    /// <param name="nodes">Receives the blocks of the map itself.</param>
    public static List<long> Read(Ext4Volume volume, uint inode, List<long> nodes)
    {
        Span<byte> record = volume.Inodes.Record(inode);
        ref InodeFields fields = ref InodeTable.FieldsOf(record);
        if ((fields.Flags & InodeFields.ForeignFlags) != 0) throw Ext4Error.Unsupported($"directory inode {inode} holds its names elsewhere", "make the file system with extents");
        long count = fields.FileSize / Ext4Layout.BlockSize;
        if (fields.FileSize % Ext4Layout.BlockSize != 0 || count is 0 or > Ext4Layout.MaxDirectoryBlocks)
            throw Ext4Error.Invalid($"directory inode {inode} has {fields.FileSize} bytes");
        if ((fields.Flags & InodeFields.ExtentsFlag) == 0) return ReadDirect(volume, inode, InodeTable.BlocksOf(record), count);
        var extents = new List<Ext4Extent>();
        ExtentTree.Read(volume, InodeTable.BlocksOf(record), extents, nodes);
        CheckDistinct(extents, inode);
        var blocks = new List<long>();
        foreach (Ext4Extent extent in extents)
        {
            // Blocks behind the end are possible; they stay the directory's, at the end of the list.
            if (extent.Logical != blocks.Count || extent.End > Ext4Layout.MaxDirectoryBlocks) throw Ext4Error.Invalid($"directory inode {inode} has a hole");
            for (int i = 0; i < extent.Count; i++) blocks.Add(extent.Physical + i);
        }

        if (blocks.Count != count) throw Ext4Error.Invalid($"directory inode {inode} has {blocks.Count} blocks and a size of {count}");
        return blocks;
    }

    /// <summary>One block many times would be names without end.</summary>
    private static void CheckDistinct(List<Ext4Extent> extents, uint inode)
    {
        Ext4Extent[] sorted = [.. extents.OrderBy(extent => extent.Physical)];
        for (int i = 1; i < sorted.Length; i++)
        {
            if (sorted[i].Physical < sorted[i - 1].Physical + sorted[i - 1].Count) throw Ext4Error.Invalid($"directory inode {inode} has a block twice", sorted[i].Physical);
        }
    }

    /// <summary>The block map of ext2, as far as a directory goes that e2fsck makes in a file system with extents: lost+found.</summary>
    private static List<long> ReadDirect(Ext4Volume volume, uint inode, ReadOnlySpan<byte> map, long count)
    {
        const int direct = 12;
        if (count > direct) throw Ext4Error.Unsupported($"directory inode {inode} has no extents", "make the file system with extents");
        var blocks = new List<long>();
        foreach (uint block in MemoryMarshal.Cast<byte, uint>(map)[..(int)count])
        {
            if (block == 0 || block >= volume.BlockCount) throw Ext4Error.Invalid($"directory inode {inode} has a block {block}");
            blocks.Add(block);
        }

        return blocks;
    }

    public static void Write(Ext4Volume volume, BlockAllocator allocator, uint inode, List<long> blocks, List<long> nodes)
    {
        var extents = new ExtentList();
        foreach (long block in blocks) extents.Add(extents.End, block, 1);
        Span<byte> map = InodeTable.BlocksOf(volume.Inodes.ChangeRecord(inode));
        long before = nodes.Count;
        long treeBlocks = ExtentTree.Write(volume, allocator, inode, map, extents.ToArray());
        if (treeBlocks > before) ExtentTree.Read(volume, map, [], nodes);
        ref InodeFields fields = ref volume.Inodes.Change(inode);
        fields.Flags |= InodeFields.ExtentsFlag;
        fields.FileSize = (long)blocks.Count * Ext4Layout.BlockSize;
        fields.Blocks = blocks.Count + treeBlocks + (fields.AttributeBlock != 0 ? 1 : 0);
    }

    /// <summary>Appends the names in one block, without <c>.</c> and <c>..</c>.</summary>
    public static void ReadNames(Ext4Volume volume, long block, List<DirectoryName> names)
    {
        Span<byte> bytes = volume.Cache.Read(block, BlockKind.DirectoryLeaf).Bytes;
        for (int at = 0; at < bytes.Length; at += DirectoryBlock.LengthOf(bytes[at..]))
        {
            ReadOnlySpan<byte> entry = DirectoryBlock.EntryAt(bytes, at);
            if (DirectoryBlock.InodeOf(entry) == 0) continue;
            ReadOnlySpan<byte> name = DirectoryBlock.NameOf(entry);
            if (name.SequenceEqual("."u8) || name.SequenceEqual(".."u8)) continue;
            if (name.IsEmpty || name.ContainsAny((byte)'/', (byte)0)) throw Ext4Error.Invalid("an impossible name in a directory", block);
            names.Add(new DirectoryName(new FileName(name), DirectoryBlock.InodeOf(entry), DirectoryBlock.TypeOf(entry)));
        }
    }
}
