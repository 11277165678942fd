using Sluice.Formats.Trees;

namespace Sluice.Formats.Ext4;

/// <summary>Reads the targets of symbolic links, from the inode or from their block.</summary>
internal static class LinkReader
{
    /// <exception cref="InvalidFormatException">No target that Linux could have: empty, longer than 4,095 bytes, with zero bytes.</exception>
    public static FileName Read(Ext4Volume volume, uint inode)
    {
        Span<byte> record = volume.Inodes.Record(inode);
        ref InodeFields fields = ref InodeTable.FieldsOf(record);
        long size = fields.FileSize;
        bool inline = (fields.Flags & InodeFields.ExtentsFlag) == 0;
        if (size <= 0 || size >= (inline ? Ext4Layout.InlineLinkLength : Ext4Layout.BlockSize) || (fields.Flags & InodeFields.ForeignFlags) != 0)
            throw Ext4Error.Invalid($"symbolic link inode {inode} has a target of {size} bytes");
        ReadOnlySpan<byte> target = inline ? InodeTable.BlocksOf(record) : Block(volume, inode, record);
        target = target[..(int)size];
        return target.Contains((byte)0) ? throw Ext4Error.Invalid($"the target of symbolic link inode {inode} has a zero byte") : new FileName(target);
    }

    private static ReadOnlySpan<byte> Block(Ext4Volume volume, uint inode, Span<byte> record)
    {
        var extents = new List<Ext4Extent>();
        ExtentTree.Read(volume, InodeTable.BlocksOf(record), extents);
        if (extents.Count != 1 || extents[0].Logical != 0) throw Ext4Error.Invalid($"symbolic link inode {inode} is not in one block");
        return volume.Cache.Read(extents[0].Physical, BlockKind.Plain).Bytes;
    }
}
