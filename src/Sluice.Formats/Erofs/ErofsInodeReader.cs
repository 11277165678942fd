using System.Buffers.Binary;
using Sluice.Formats.Trees;

namespace Sluice.Formats.Erofs;

/// <summary>Reads inodes, their attributes and the content of directories and links.</summary>
internal static class ErofsInodeReader
{
    private const ushort ExtendedBit = 1;

    /// <summary>Version and data layout; nydusd refuses every other bit of the format word.</summary>
    private const ushort KnownFormatBits = 0xF;

    /// <param name="compactTime">The time that compact inodes show: the superblock's build time.</param>
    public static ErofsNode Read(ErofsImage image, ulong nid, FileTime compactTime)
    {
        if (nid > int.MaxValue) throw image.Invalid($"nid {nid} is out of range", -1);
        long offset = image.MetaOffset + ((long)nid * ErofsLayout.SlotSize);
        ushort format = BinaryPrimitives.ReadUInt16LittleEndian(image.Slice(offset, sizeof(ushort), "an inode"));
        if ((format & ~KnownFormatBits) != 0) throw image.Invalid($"unknown inode format 0x{format:x}", offset);
        bool extended = (format & ExtendedBit) != 0;
        ErofsInode fields = extended ? image.Read<ErofsInode>(offset, "an inode") : ReadCompact(image, offset, compactTime);
        var node = new ErofsNode
        {
            Nid = nid,
            Offset = offset,
            HeaderSize = extended ? ErofsLayout.ExtendedInodeSize : ErofsLayout.CompactInodeSize,
            Layout = (ErofsDataLayout)(format >> 1),
            XattrSize = ErofsXattr.BodySize(fields.XattrCount),
            Fields = fields,
        };
        Check(image, node);
        image.Claim(offset, node.HeaderSize + node.XattrSize, "an inode");
        return node;
    }

    public static IReadOnlyList<ExtendedAttribute> ReadXattrs(ErofsImage image, in ErofsNode node)
    {
        if (node.XattrSize == 0) return [];
        long offset = node.Offset + node.HeaderSize;
        ReadOnlySpan<byte> body = image.Slice(offset, node.XattrSize, "extended attributes");
        if (body[4] != 0) throw image.Invalid("shared extended attributes", offset);
        var attributes = new List<ExtendedAttribute>();
        for (int at = ErofsXattr.HeaderSize; at < body.Length;)
        {
            ReadOnlySpan<byte> entry = body[at..];
            int nameLength = entry[0];
            int valueSize = BinaryPrimitives.ReadUInt16LittleEndian(entry[2..]);
            if (ErofsXattr.EntrySize + nameLength + valueSize > entry.Length)
                throw image.Invalid("an extended attribute reaches beyond its inode", offset + at);
            attributes.Add(ReadXattr(image, entry, offset + at));
            at += ErofsXattr.PaddedEntrySize(nameLength, valueSize);
        }

        return Sorted(image, attributes, offset);
    }

    /// <summary>The content of a directory or link: its full blocks, then its inline tail.</summary>
    public static byte[] ReadFlat(ErofsImage image, in ErofsNode node, string what)
    {
        long tail = node.Layout switch
        {
            ErofsDataLayout.FlatPlain => 0,
            ErofsDataLayout.FlatInline => node.Size % image.BlockSize,
            _ => throw image.Invalid($"{what} with data layout {(int)node.Layout}", node.Offset),
        };
        long full = node.Size - tail;
        long start = (long)node.Fields.Union * image.BlockSize;

        // Both parts are checked before anything of a size that the image names is allocated.
        ReadOnlySpan<byte> blocks = full == 0 ? default : image.Claim(start, full, what);
        ReadOnlySpan<byte> inline = tail == 0 ? default : image.Claim(node.TailOffset, tail, what);
        if (tail != 0 && (node.TailOffset % image.BlockSize) + tail > image.BlockSize)
            throw image.Invalid($"the inline data of {what} crosses a block", node.TailOffset);
        return [.. blocks, .. inline];
    }

    private static ErofsInode ReadCompact(ErofsImage image, long offset, FileTime time)
    {
        ErofsCompactInode compact = image.Read<ErofsCompactInode>(offset, "an inode");
        return new ErofsInode
        {
            Format = compact.Format,
            XattrCount = compact.XattrCount,
            Mode = compact.Mode,
            Size = compact.Size,
            Union = compact.Union,
            Number = compact.Number,
            UserId = compact.UserId,
            GroupId = compact.GroupId,
            ModificationSeconds = time.Seconds,
            ModificationNanoseconds = time.Nanoseconds,
            Links = compact.Links,
        };
    }

    private static void Check(ErofsImage image, in ErofsNode node)
    {
        if (DirectoryEntryType.Of(node.Type) == 0) throw image.Invalid($"unknown file mode 0x{node.Fields.Mode:x}", node.Offset);
        if (node.Fields.Size > long.MaxValue) throw image.Invalid("an absurd file size", node.Offset);
        if (node.Fields.Links == 0) throw image.Invalid("an inode without links", node.Offset);
        if (node.Fields.ModificationNanoseconds > 999_999_999) throw image.Invalid("nanoseconds beyond a second", node.Offset);
    }

    private static ExtendedAttribute ReadXattr(ErofsImage image, ReadOnlySpan<byte> entry, long offset)
    {
        ReadOnlySpan<byte> prefix = ErofsXattr.Prefix(entry[1]);
        if (prefix.IsEmpty) throw image.Invalid($"unknown prefix {entry[1]} of an extended attribute", offset);
        ReadOnlySpan<byte> suffix = entry.Slice(ErofsXattr.EntrySize, entry[0]);
        if (suffix.Contains((byte)0)) throw image.Invalid("a zero byte in the name of an extended attribute", offset);
        int valueSize = BinaryPrimitives.ReadUInt16LittleEndian(entry[2..]);
        byte[] value = entry.Slice(ErofsXattr.EntrySize + suffix.Length, valueSize).ToArray();
        return new ExtendedAttribute(new FileName((byte[])[.. prefix, .. suffix]), value);
    }

    private static List<ExtendedAttribute> Sorted(ErofsImage image, List<ExtendedAttribute> attributes, long offset)
    {
        attributes.Sort((left, right) => left.Name.CompareTo(right.Name));
        for (int i = 1; i < attributes.Count; i++)
        {
            if (attributes[i].Name == attributes[i - 1].Name) throw image.Invalid($"{attributes[i].Name} is set twice", offset);
        }

        return attributes;
    }
}
