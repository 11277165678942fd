using System.Runtime.InteropServices;
using Sluice.Formats.Trees;

namespace Sluice.Formats.Erofs;

/// <summary>A name in a directory with what it leads to.</summary>
internal readonly record struct DirectoryName(FileName Name, ulong Nid, byte Type);

/// <summary>
/// Directory content: names in bytewise order (<c>.</c> and <c>..</c> sort like any other), a block at a time. A name
/// that does not fit into its block opens the next one, so every block but the last counts as full.
/// </summary>
internal static class DirectoryBlocks
{
    public static readonly FileName Self = new(".");
    public static readonly FileName Parent = new("..");

    /// <summary>
    /// Collects a directory's names in the order of the disk: its entries with <c>.</c> and <c>..</c> in their sorted places.
    /// </summary>
    /// <param name="describe">Gives nid and type for the entry with this position, or for −1 (<c>.</c>) and −2 (<c>..</c>).</param>
    public static void Collect(IEnumerable<KeyValuePair<FileName, Inode>> entries, List<DirectoryName> names, Func<int, (ulong, byte)> describe)
    {
        names.Clear();
        int position = 0;
        bool self = false, parent = false;
        foreach ((FileName name, _) in entries)
        {
            if (!self && Self < name)
            {
                Add(Self, -1);
                self = true;
            }

            if (!parent && Parent < name)
            {
                Add(Parent, -2);
                parent = true;
            }

            Add(name, position++);
        }

        if (!self) Add(Self, -1);
        if (!parent) Add(Parent, -2);

        void Add(FileName name, int which)
        {
            (ulong nid, byte type) = describe(which);
            names.Add(new DirectoryName(name, nid, type));
        }
    }

    /// <summary>Bytes of the directory: its <c>i_size</c>.</summary>
    public static long Measure(List<DirectoryName> names, int blockSize)
    {
        long size = 0;
        foreach (DirectoryName entry in CollectionsMarshal.AsSpan(names)) size = Advance(size, entry.Name.Length, blockSize);
        return size;
    }

    /// <summary>Fills <paramref name="destination"/>, which has the measured size, with the directory's content.</summary>
    public static void Write(List<DirectoryName> names, int blockSize, Span<byte> destination)
    {
        destination.Clear();
        ReadOnlySpan<DirectoryName> rest = CollectionsMarshal.AsSpan(names);
        while (!rest.IsEmpty)
        {
            int count = CountInBlock(rest, blockSize);
            Span<byte> block = destination[..Math.Min(blockSize, destination.Length)];
            WriteBlock(rest[..count], block);
            destination = destination[block.Length..];
            rest = rest[count..];
        }
    }

    private static int CountInBlock(ReadOnlySpan<DirectoryName> names, int blockSize)
    {
        long used = 0;
        int count = 0;
        for (; count < names.Length; count++)
        {
            used += ErofsLayout.DirentSize + names[count].Name.Length;
            if (used > blockSize) break;
        }

        return count;
    }

    private static void WriteBlock(ReadOnlySpan<DirectoryName> names, Span<byte> block)
    {
        int nameOffset = names.Length * ErofsLayout.DirentSize;
        for (int i = 0; i < names.Length; i++)
        {
            var dirent = new ErofsDirent { Nid = names[i].Nid, NameOffset = (ushort)nameOffset, Type = names[i].Type };
            MemoryMarshal.Write(block[(i * ErofsLayout.DirentSize)..], in dirent);
            names[i].Name.Bytes.CopyTo(block[nameOffset..]);
            nameOffset += names[i].Name.Length;
        }
    }

    private static long Advance(long size, int nameLength, int blockSize)
    {
        int need = ErofsLayout.DirentSize + nameLength;
        if ((size % blockSize) + need > blockSize) size = ErofsLayout.AlignUp(size, blockSize);
        return size + need;
    }
}
