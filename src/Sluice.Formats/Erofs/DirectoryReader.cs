using System.Runtime.InteropServices;
using Sluice.Formats.Trees;

namespace Sluice.Formats.Erofs;

/// <summary>
/// Takes directory content apart, and refuses what would make the kernel's binary search and a linear walk disagree:
/// names out of order or twice, names that can't be one, entries that overlap their names.
/// </summary>
internal static class DirectoryReader
{
    /// <param name="names">Receives all names, <c>.</c> and <c>..</c> included.</param>
    public static void Read(ErofsImage image, in ErofsNode node, List<DirectoryName> names)
    {
        names.Clear();
        byte[] content = ErofsInodeReader.ReadFlat(image, node, "a directory");
        for (int start = 0; start < content.Length; start += image.BlockSize)
        {
            int length = Math.Min(image.BlockSize, content.Length - start);
            ReadBlock(image, node.Offset, content.AsSpan(start, length), names);
        }

        int self = IndexOf(names, DirectoryBlocks.Self), parent = IndexOf(names, DirectoryBlocks.Parent);
        if (self < 0 || parent < 0) throw image.Invalid("a directory without '.' or '..'", node.Offset);
        if (names[self].Nid != node.Nid) throw image.Invalid("'.' leads elsewhere", node.Offset);
    }

    private static void ReadBlock(ErofsImage image, long offset, ReadOnlySpan<byte> block, List<DirectoryName> names)
    {
        if (block.Length < ErofsLayout.DirentSize) throw image.Invalid("a directory block without an entry", offset);
        int first = MemoryMarshal.Read<ErofsDirent>(block).NameOffset;
        if (first == 0 || first % ErofsLayout.DirentSize != 0 || first >= block.Length)
            throw image.Invalid($"a directory block whose names start at {first}", offset);
        int count = first / ErofsLayout.DirentSize;
        for (int i = 0; i < count; i++)
        {
            var entry = MemoryMarshal.Read<ErofsDirent>(block[(i * ErofsLayout.DirentSize)..]);
            bool last = i + 1 == count;
            int end = last ? block.Length : MemoryMarshal.Read<ErofsDirent>(block[((i + 1) * ErofsLayout.DirentSize)..]).NameOffset;
            if (entry.NameOffset < first || end > block.Length || end <= entry.NameOffset)
                throw image.Invalid("directory entries with overlapping names", offset);
            ReadOnlySpan<byte> bytes = block[entry.NameOffset..end];
            if (last) bytes = bytes[..Length(bytes)];
            Add(image, offset, new FileName(bytes), entry, names);
        }
    }

    /// <summary>The last name of a block ends at a zero byte or with the block.</summary>
    private static int Length(ReadOnlySpan<byte> name)
    {
        int end = name.IndexOf((byte)0);
        return end < 0 ? name.Length : end;
    }

    private static void Add(ErofsImage image, long offset, FileName name, in ErofsDirent entry, List<DirectoryName> names)
    {
        if (name.Length is 0 or > ErofsLayout.MaxNameLength || name.Bytes.ContainsAny((byte)'/', (byte)0))
            throw image.Invalid("an impossible name in a directory", offset);
        if (names.Count > 0 && names[^1].Name >= name) throw image.Invalid($"the name '{name}' is out of order", offset);
        names.Add(new DirectoryName(name, entry.Nid, entry.Type));
    }

    private static int IndexOf(List<DirectoryName> names, FileName wanted) =>
        names.BinarySearch(new DirectoryName(wanted, 0, 0), ByName);

    private static readonly Comparer<DirectoryName> ByName = Comparer<DirectoryName>.Create((x, y) => x.Name.CompareTo(y.Name));
}
