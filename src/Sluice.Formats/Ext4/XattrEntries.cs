using System.Buffers.Binary;
using Sluice.Formats.Trees;

namespace Sluice.Formats.Ext4;

/// <summary>
/// A list of extended attributes, in an inode or in a block: entries from the front, values from the back. An entry is u8 name
/// length, u8 prefix, u16 value offset, u32 0, u32 value size, u32 hash, name; padded to 4 bytes. Four zero bytes end the list.
/// </summary>
internal static class XattrEntries
{
    public const int HeaderSize = 16;
    public const int EndSize = 4;

    /// <summary>Bytes that an attribute takes.</summary>
    public static int SizeOf(in XattrItem item) => Padded(HeaderSize + item.Suffix.Length) + Padded(item.Value.Length);

    /// <param name="region">Entries and values.</param>
    /// <param name="offsetBase">What is added to a position in the region to get an offset: the region's place in its block.</param>
    public static void Read(ReadOnlySpan<byte> region, int offsetBase, List<ExtendedAttribute> attributes)
    {
        for (int at = 0; at + EndSize <= region.Length && Word(region, at) != 0;)
        {
            if (at + HeaderSize > region.Length || at + HeaderSize + region[at] > region.Length) throw Ext4Error.Invalid("extended attributes without an end");
            ReadOnlySpan<byte> suffix = region.Slice(at + HeaderSize, region[at]);
            uint size = Word(region, at + 8);
            int offset = BinaryPrimitives.ReadUInt16LittleEndian(region[(at + 2)..]) - offsetBase;
            if (Word(region, at + 4) != 0) throw Ext4Error.Unsupported("an extended attribute has an inode of its own", "make the file system without ea_inode");
            if (size > region.Length || (size > 0 && (offset < 0 || offset > region.Length - size))) throw Ext4Error.Invalid("an extended attribute reaches beyond its block");
            if (suffix.Contains((byte)0)) throw Ext4Error.Invalid("a zero byte in the name of an extended attribute");
            byte index = region[at + 1];
            ReadOnlySpan<byte> value = size == 0 ? default : region.Slice(offset, (int)size);
            bool isAcl = index is XattrName.AccessAcl or XattrName.DefaultAcl;
            attributes.Add(new ExtendedAttribute(XattrName.Join(index, suffix), isAcl ? PosixAcl.FromDisk(value) : value.ToArray()));
            at += Padded(HeaderSize + suffix.Length);
        }
    }

    /// <summary>Fills a region of zeros.</summary>
    public static void Write(Span<byte> region, int offsetBase, ReadOnlySpan<XattrItem> items, bool withHash)
    {
        int at = 0, end = region.Length;
        foreach (XattrItem item in items)
        {
            end -= Padded(item.Value.Length);
            item.Value.CopyTo(region[end..]);
            Span<byte> entry = region[at..];
            entry[0] = (byte)item.Suffix.Length;
            entry[1] = item.Prefix;
            if (item.Value.Length > 0) BinaryPrimitives.WriteUInt16LittleEndian(entry[2..], (ushort)(offsetBase + end));
            BinaryPrimitives.WriteInt32LittleEndian(entry[8..], item.Value.Length);
            if (withHash) BinaryPrimitives.WriteUInt32LittleEndian(entry[12..], Hash(item.Suffix.Bytes, region.Slice(end, Padded(item.Value.Length))));
            item.Suffix.Bytes.CopyTo(entry[HeaderSize..]);
            at += Padded(HeaderSize + item.Suffix.Length);
        }
    }

    public static int Padded(int length) => (length + 3) & ~3;

    /// <summary>Over the name's bytes, then over the value's words.</summary>
    private static uint Hash(ReadOnlySpan<byte> name, ReadOnlySpan<byte> paddedValue)
    {
        uint hash = 0;
        foreach (byte character in name) hash = (hash << 5) ^ (hash >> 27) ^ character;
        for (int at = 0; at < paddedValue.Length; at += sizeof(uint)) hash = (hash << 16) ^ (hash >> 16) ^ Word(paddedValue, at);
        return hash;
    }

    private static uint Word(ReadOnlySpan<byte> bytes, int at) => BinaryPrimitives.ReadUInt32LittleEndian(bytes[at..]);
}
