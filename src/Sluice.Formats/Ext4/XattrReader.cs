using System.Buffers.Binary;
using Sluice.Formats.Trees;

namespace Sluice.Formats.Ext4;

/// <summary>Reads the extended attributes of inodes. Blocks that many inodes share are read once.</summary>
internal sealed class XattrReader(Ext4Volume volume)
{
    private readonly Dictionary<long, List<ExtendedAttribute>> _blocks = [];

    /// <summary>Sorted by name.</summary>
    public IReadOnlyList<ExtendedAttribute> Read(uint inode)
    {
        Span<byte> record = volume.Inodes.Record(inode);
        ref InodeFields fields = ref InodeTable.FieldsOf(record);
        List<ExtendedAttribute>? attributes = null;
        int start = InodeFields.BaseSize + fields.ExtraSize;
        if (start % 4 != 0 || start > record.Length) throw Ext4Error.Invalid($"inode {inode} has {fields.ExtraSize} bytes of extra fields");
        if (fields.ExtraSize > 0 && start + sizeof(uint) <= record.Length && BinaryPrimitives.ReadUInt32LittleEndian(record[start..]) == AttributeBlock.Magic)
            XattrEntries.Read(record[(start + sizeof(uint))..], 0, attributes = []);
        if (fields.AttributeBlock != 0)
        {
            List<ExtendedAttribute> shared = ReadBlock(fields.AttributeBlock);
            if (attributes is null or { Count: 0 }) return shared;
            attributes.AddRange(shared);
        }

        return attributes is null ? [] : Sorted(attributes);
    }

    private List<ExtendedAttribute> ReadBlock(long block)
    {
        if (_blocks.TryGetValue(block, out List<ExtendedAttribute>? known)) return known;
        var attributes = new List<ExtendedAttribute>();
        XattrEntries.Read(AttributeBlock.Entries(volume.Cache.Read(block, BlockKind.Attributes).Bytes), AttributeBlock.HeaderSize, attributes);
        _blocks.Add(block, Sorted(attributes));
        return attributes;
    }

    private static List<ExtendedAttribute> Sorted(List<ExtendedAttribute> attributes)
    {
        attributes.Sort((left, right) => left.Name.CompareTo(right.Name));
        for (int i = 1; i < attributes.Count; i++)
        {
            if (attributes[i].Name == attributes[i - 1].Name) throw Ext4Error.Invalid($"extended attribute '{attributes[i].Name}' is set twice");
        }

        return attributes;
    }
}
