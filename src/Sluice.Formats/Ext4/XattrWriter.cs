using System.Buffers.Binary;
using System.Runtime.InteropServices;
using Sluice.Formats.Trees;

namespace Sluice.Formats.Ext4;

/// <summary>Gives inodes their extended attributes: what fits lies in the inode, the rest in one block.</summary>
internal sealed class XattrWriter(Ext4Volume volume, BlockAllocator allocator)
{
    private readonly List<XattrItem> _inInode = [];
    private readonly List<XattrItem> _inBlock = [];

    /// <summary>Names that ext4 can't hold, which were left out.</summary>
    public HashSet<FileName> Dropped { get; } = [];

    /// <summary>Replaces all attributes of an inode; its block is given back, or shared no longer, where it isn't needed.</summary>
    public void Set(uint inode, IReadOnlyList<ExtendedAttribute> attributes)
    {
        Span<byte> record = volume.Inodes.ChangeRecord(inode);
        Plan(attributes, record.Length - InodeFields.Size - sizeof(uint) - XattrEntries.EndSize);
        Span<byte> region = record[InodeFields.Size..];
        region.Clear();
        if (_inInode.Count > 0)
        {
            BinaryPrimitives.WriteUInt32LittleEndian(region, AttributeBlock.Magic);
            XattrEntries.Write(region[sizeof(uint)..], 0, CollectionsMarshal.AsSpan(_inInode), withHash: false);
        }

        ref InodeFields fields = ref InodeTable.FieldsOf(record);
        FreeBlock(ref fields);
        if (_inBlock.Count == 0) return;
        long block = allocator.Allocate(1).Block;
        AttributeBlock.Write(volume.Cache.Zero(block, BlockKind.Attributes).Bytes, CollectionsMarshal.AsSpan(_inBlock));
        fields.AttributeBlock = block;
        fields.Blocks++;
    }

    /// <summary>Gives the inode's block back, or one use of it.</summary>
    public void FreeBlock(ref InodeFields fields)
    {
        long block = fields.AttributeBlock;
        if (block == 0) return;
        fields.AttributeBlock = 0;
        fields.Blocks = Math.Max(0, fields.Blocks - 1);
        CachedBlock cached = volume.Cache.Read(block, BlockKind.Attributes);
        AttributeBlock.Entries(cached.Bytes);
        uint users = AttributeBlock.UsersOf(cached.Bytes);
        if (users <= 1) allocator.FreeMetadata(block);
        else AttributeBlock.SetUsers(volume.Cache.Change(block, BlockKind.Attributes).Bytes, users - 1);
    }

    private void Plan(IReadOnlyList<ExtendedAttribute> attributes, int room)
    {
        _inInode.Clear();
        _inBlock.Clear();
        foreach (ExtendedAttribute attribute in attributes)
        {
            if (ToItem(attribute) is { } item) _inBlock.Add(item);
            else Dropped.Add(attribute.Name);
        }

        if (_inBlock.Count == 0) return;
        _inBlock.Sort(XattrItem.Compare);
        int left = AttributeBlock.Capacity, kept = 0;
        for (int i = 0; i < _inBlock.Count; i++)
        {
            XattrItem item = _inBlock[i];
            int size = XattrEntries.SizeOf(item);
            if (size <= room)
            {
                _inInode.Add(item);
                room -= size;
                continue;
            }

            left -= size;
            if (left < 0) throw Ext4FullException.AttributesTooLarge(volume, XattrName.Join(item.Prefix, item.Suffix.Bytes));
            _inBlock[kept++] = item;
        }

        _inBlock.RemoveRange(kept, _inBlock.Count - kept);
    }

    private static XattrItem? ToItem(in ExtendedAttribute attribute)
    {
        if (!XattrName.TrySplit(attribute.Name.Bytes, out byte prefix, out ReadOnlySpan<byte> rest)) return null;
        bool isAcl = prefix is XattrName.AccessAcl or XattrName.DefaultAcl;
        byte[]? value = isAcl ? PosixAcl.ToDisk(attribute.Value) : attribute.Value;
        return value is null ? null : new XattrItem(prefix, new FileName(rest), value);
    }
}
