using System.Buffers.Binary;

namespace Sluice.Formats.Ext4;

/// <summary>
/// A block of extended attributes, which several inodes may share: u32 magic, u32 inodes that use it, u32 blocks (1), u32 hash,
/// u32 checksum, 12 bytes of zeros, entries. Offsets of values count from the start of the block.
/// </summary>
internal static class AttributeBlock
{
    public const int HeaderSize = 32;
    public const int ChecksumOffset = 16;
    public const int Capacity = Ext4Layout.BlockSize - HeaderSize - XattrEntries.EndSize;
    public const uint Magic = 0xEA020000;
    private const int UsersOffset = 4;
    private const int BlocksOffset = 8;
    private const int HashOffset = 12;

    /// <exception cref="InvalidFormatException">Not such a block.</exception>
    public static ReadOnlySpan<byte> Entries(ReadOnlySpan<byte> block)
    {
        if (BinaryPrimitives.ReadUInt32LittleEndian(block) != Magic || BinaryPrimitives.ReadUInt32LittleEndian(block[BlocksOffset..]) != 1)
            throw Ext4Error.Invalid("a block of extended attributes with a wrong header");
        return block[HeaderSize..];
    }

    /// <summary>Fills a block of zeros.</summary>
    public static void Write(Span<byte> block, ReadOnlySpan<XattrItem> items)
    {
        BinaryPrimitives.WriteUInt32LittleEndian(block, Magic);
        SetUsers(block, 1);
        BinaryPrimitives.WriteUInt32LittleEndian(block[BlocksOffset..], 1);
        XattrEntries.Write(block[HeaderSize..], HeaderSize, items, withHash: true);
        uint hash = 0;
        int at = HeaderSize;
        foreach (XattrItem item in items)
        {
            uint entry = BinaryPrimitives.ReadUInt32LittleEndian(block[(at + 12)..]);
            hash = (hash << 16) ^ (hash >> 16) ^ entry;
            at += XattrEntries.Padded(XattrEntries.HeaderSize + item.Suffix.Length);
            if (entry != 0) continue;
            hash = 0; // an entry without a hash: the block can't be shared
            break;
        }

        BinaryPrimitives.WriteUInt32LittleEndian(block[HashOffset..], hash);
    }

    public static uint UsersOf(ReadOnlySpan<byte> block) => BinaryPrimitives.ReadUInt32LittleEndian(block[UsersOffset..]);

    public static void SetUsers(Span<byte> block, uint users) => BinaryPrimitives.WriteUInt32LittleEndian(block[UsersOffset..], users);
}
