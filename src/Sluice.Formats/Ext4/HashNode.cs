using System.Buffers.Binary;

namespace Sluice.Formats.Ext4;

/// <summary>
/// An index block of a directory. The root is the directory's first block: entries <c>.</c> and <c>..</c>, u32 0, u8 hash
/// version, u8 length 8, u8 levels below, u8 flags, then the index from byte 32 on. Other nodes look like a block with one
/// unused entry, with the index from byte 8 on. An index entry is u32 hash, u32 block of the directory; in the place of the
/// first one's hash stand u16 limit and u16 count.
/// </summary>
internal readonly ref struct HashNode
{
    public const int RootOffset = 32;
    public const int NodeOffset = 8;
    public const int EntrySize = 8;

    private readonly Span<byte> _block;

    private HashNode(Span<byte> block, int offset)
    {
        _block = block;
        EntriesOffset = offset;
    }

    public int EntriesOffset { get; }

    public int Limit => BinaryPrimitives.ReadUInt16LittleEndian(_block[EntriesOffset..]);

    public int Count
    {
        get => BinaryPrimitives.ReadUInt16LittleEndian(_block[(EntriesOffset + 2)..]);
        private set => BinaryPrimitives.WriteUInt16LittleEndian(_block[(EntriesOffset + 2)..], (ushort)value);
    }

    /// <summary>Root or inner node, whichever the block is; nothing is checked.</summary>
    public static HashNode Of(Span<byte> block) => new(block, DirectoryBlock.LengthOf(block) == 12 ? RootOffset : NodeOffset);

    /// <param name="tail">Bytes at the block's end that the checksum takes.</param>
    /// <exception cref="InvalidFormatException">The counts can't be.</exception>
    public static HashNode Checked(Span<byte> block, int offset, int tail)
    {
        var node = new HashNode(block, offset);
        if (node.Count == 0 || node.Count > node.Limit || node.Limit > MaxEntries(offset, tail)) throw Ext4Error.Invalid("a directory index with impossible counts");
        return node;
    }

    public static int MaxEntries(int offset, int tail) => (Ext4Layout.BlockSize - offset - tail) / EntrySize;

    /// <summary>Makes an empty index.</summary>
    public static HashNode Create(Span<byte> block, int offset, int tail)
    {
        var node = new HashNode(block, offset);
        BinaryPrimitives.WriteUInt16LittleEndian(block[offset..], (ushort)MaxEntries(offset, tail));
        node.Count = 0;
        return node;
    }

    public uint HashOf(int index) => index == 0 ? 0 : BinaryPrimitives.ReadUInt32LittleEndian(_block[At(index)..]);

    /// <summary>The block of the directory that the entry leads to.</summary>
    public int BlockOf(int index) => (int)(BinaryPrimitives.ReadUInt32LittleEndian(_block[(At(index) + 4)..]) & 0x0FFF_FFFF);

    /// <summary>The last entry whose hash is not above <paramref name="hash"/>.</summary>
    public int Find(uint hash)
    {
        int low = 0, high = Count - 1;
        while (low < high)
        {
            int middle = (low + high + 1) / 2;
            if (HashOf(middle) > hash) high = middle - 1;
            else low = middle;
        }

        return low;
    }

    public void Insert(int index, uint hash, int block)
    {
        int count = Count;
        _block[At(index)..At(count)].CopyTo(_block[At(index + 1)..]);
        if (index > 0) BinaryPrimitives.WriteUInt32LittleEndian(_block[At(index)..], hash);
        BinaryPrimitives.WriteUInt32LittleEndian(_block[(At(index) + 4)..], (uint)block);
        Count = count + 1;
    }

    private int At(int index) => EntriesOffset + (index * EntrySize);
}
