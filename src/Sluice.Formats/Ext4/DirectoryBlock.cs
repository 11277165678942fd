using System.Buffers.Binary;

namespace Sluice.Formats.Ext4;

/// <summary>
/// One block of a directory: entries that fill it completely. An entry is u32 inode (0: unused), u16 length of the entry
/// (a multiple of 4), u8 length of the name, u8 type, name. What an entry is longer than its name is free room. With
/// metadata_csum the last 12 bytes look like an unused entry and hold the checksum.
/// </summary>
internal static class DirectoryBlock
{
    public const int TailSize = 12;
    public const int HeaderSize = 8;
    private const byte TailType = 0xDE;

    /// <summary>Bytes that an entry with such a name takes at least.</summary>
    public static int EntrySize(int nameLength) => (HeaderSize + nameLength + 3) & ~3;

    public static uint InodeOf(ReadOnlySpan<byte> entry) => BinaryPrimitives.ReadUInt32LittleEndian(entry);

    public static int LengthOf(ReadOnlySpan<byte> entry) => BinaryPrimitives.ReadUInt16LittleEndian(entry[4..]);

    public static byte TypeOf(ReadOnlySpan<byte> entry) => entry[7];

    public static ReadOnlySpan<byte> NameOf(ReadOnlySpan<byte> entry) => entry.Slice(HeaderSize, entry[6]);

    /// <summary>The entry at <paramref name="at"/>, as long as it says it is.</summary>
    /// <exception cref="InvalidFormatException">It can't be.</exception>
    public static Span<byte> EntryAt(Span<byte> block, int at)
    {
        Span<byte> rest = block[at..];
        if (rest.Length < HeaderSize) throw Ext4Error.Invalid("a directory entry without room");
        int length = LengthOf(rest);
        if (length < HeaderSize || length % 4 != 0 || length > rest.Length || EntrySize(rest[6]) > length) throw Ext4Error.Invalid("a directory entry of an impossible length");
        return rest[..length];
    }

    /// <summary>Makes an empty block: one unused entry, and the tail where there is one.</summary>
    /// <param name="usable">Bytes for entries: the block without its tail.</param>
    public static void Clear(Span<byte> block, int usable)
    {
        block.Clear();
        BinaryPrimitives.WriteUInt16LittleEndian(block[4..], (ushort)usable);
        WriteTail(block, usable);
    }

    public static void WriteTail(Span<byte> block, int usable)
    {
        if (usable == block.Length) return;
        BinaryPrimitives.WriteUInt16LittleEndian(block[(usable + 4)..], TailSize);
        block[usable + 7] = TailType;
    }

    public static void WriteEntry(Span<byte> target, int length, uint inode, byte type, ReadOnlySpan<byte> name)
    {
        BinaryPrimitives.WriteUInt32LittleEndian(target, inode);
        BinaryPrimitives.WriteUInt16LittleEndian(target[4..], (ushort)length);
        target[6] = (byte)name.Length;
        target[7] = type;
        name.CopyTo(target[HeaderSize..]);
    }

    /// <summary>The offset of the entry with this name, or -1.</summary>
    public static int Find(Span<byte> block, ReadOnlySpan<byte> name)
    {
        for (int at = 0; at < block.Length;)
        {
            ReadOnlySpan<byte> entry = EntryAt(block, at);
            if (InodeOf(entry) != 0 && NameOf(entry).SequenceEqual(name)) return at;
            at += entry.Length;
        }

        return -1;
    }

    /// <summary>Puts an entry where there is room; false if there is none.</summary>
    public static bool TryInsert(Span<byte> block, int usable, uint inode, byte type, ReadOnlySpan<byte> name)
    {
        int size = EntrySize(name.Length);
        for (int at = 0; at < usable;)
        {
            Span<byte> entry = EntryAt(block, at);
            at += entry.Length;
            int used = InodeOf(entry) == 0 ? 0 : EntrySize(entry[6]);
            if (entry.Length - used < size) continue;
            int length = entry.Length;
            if (used > 0) BinaryPrimitives.WriteUInt16LittleEndian(entry[4..], (ushort)used);
            WriteEntry(entry[used..], length - used, inode, type, name);
            return true;
        }

        return false;
    }

    /// <summary>Takes an entry out: the one before grows over it, or it becomes unused if it is the first.</summary>
    public static void Remove(Span<byte> block, int offset)
    {
        int before = -1;
        for (int at = 0; at < offset; at += LengthOf(block[at..])) before = at;
        if (before < 0)
        {
            BinaryPrimitives.WriteUInt32LittleEndian(block[offset..], 0);
            return;
        }

        int length = LengthOf(block[offset..]);
        block.Slice(offset, length).Clear();
        BinaryPrimitives.WriteUInt16LittleEndian(block[(before + 4)..], (ushort)(LengthOf(block[before..]) + length));
    }
}
