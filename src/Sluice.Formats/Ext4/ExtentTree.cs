using System.Buffers.Binary;

namespace Sluice.Formats.Ext4;

/// <summary>
/// The map of a file: a tree whose root is the 60 bytes in the inode. A node is u16 magic, u16 entries, u16 limit, u16 depth,
/// u32 generation, then entries of 12 bytes. A leaf's entry is u32 logical block, u16 count (above 2^15: as many less 2^15,
/// allocated but not written), u16 and u32 physical block (high, low); an inner node's is u32 logical, u32 and u16 child (low, high).
/// </summary>
internal static class ExtentTree
{
    public const int EntriesOffset = 12;
    public const int EntrySize = 12;

    /// <summary>Of a block: leaves 4 bytes for the checksum.</summary>
    public const int MaxEntries = (Ext4Layout.BlockSize - EntriesOffset) / EntrySize;

    private const int RootEntries = (InodeFields.BlocksLength - EntriesOffset) / EntrySize;
    private const ushort Magic = 0xF30A;
    private const int MaxDepth = 5;

    /// <summary>Appends what is written of the file, in order; checks that everything is on the device and in order.</summary>
    /// <param name="root">The 60 bytes in the inode.</param>
    /// <param name="nodes">Receives the blocks of the tree itself, if not null.</param>
    /// <param name="unwritten">Receives runs that belong to the file but read as zeros, if not null.</param>
    public static void Read(Ext4Volume volume, ReadOnlySpan<byte> root, List<Ext4Extent> extents, List<long>? nodes = null, List<Ext4Extent>? unwritten = null)
    {
        long next = 0;
        ReadNode(volume, root, depth: -1, ref next, extents, nodes, unwritten);
    }

    /// <summary>Writes the map of a file into its inode, with as many levels as it takes.</summary>
    /// <param name="inode">Owner of the blocks that the tree needs.</param>
    /// <returns>How many blocks the tree took.</returns>
    public static long Write(Ext4Volume volume, BlockAllocator allocator, uint inode, Span<byte> root, IReadOnlyList<Ext4Extent> extents)
    {
        if (extents.Count <= RootEntries)
        {
            root.Clear();
            WriteHeader(root, extents.Count, RootEntries, depth: 0);
            for (int i = 0; i < extents.Count; i++) WriteExtent(root[At(i)..], extents[i]);
            return 0;
        }

        long blocks = 0;
        var level = new List<(long Logical, long Block)>();
        for (int start = 0; start < extents.Count; start += MaxEntries)
        {
            int count = Math.Min(MaxEntries, extents.Count - start);
            Span<byte> node = NewNode(count, depth: 0, extents[start].Logical);
            for (int i = 0; i < count; i++) WriteExtent(node[At(i)..], extents[start + i]);
        }

        int depth = 1;
        for (; level.Count > RootEntries; depth++)
        {
            List<(long Logical, long Block)> below = level;
            level = [];
            for (int start = 0; start < below.Count; start += MaxEntries)
            {
                int count = Math.Min(MaxEntries, below.Count - start);
                Span<byte> node = NewNode(count, depth, below[start].Logical);
                for (int i = 0; i < count; i++) WriteChild(node[At(i)..], below[start + i]);
            }
        }

        root.Clear();
        WriteHeader(root, level.Count, RootEntries, depth);
        for (int i = 0; i < level.Count; i++) WriteChild(root[At(i)..], level[i]);
        return blocks;

        Span<byte> NewNode(int count, int depth, long logical)
        {
            long block = allocator.Allocate(1).Block;
            level.Add((logical, block));
            blocks++;
            Span<byte> node = volume.Cache.Zero(block, BlockKind.ExtentNode, inode).Bytes;
            WriteHeader(node, count, MaxEntries, depth);
            return node;
        }
    }

    private static void ReadNode(Ext4Volume volume, ReadOnlySpan<byte> node, int depth, ref long next, List<Ext4Extent> extents, List<long>? nodes, List<Ext4Extent>? unwritten)
    {
        ushort entries = Short(node, 2), ownDepth = Short(node, 6);
        if (Short(node, 0) != Magic) throw Ext4Error.Invalid("an extent tree with a wrong magic");
        if (At(entries) > node.Length || (depth >= 0 && ownDepth != depth) || ownDepth > MaxDepth) throw Ext4Error.Invalid("an extent tree with impossible counts");
        for (int i = 0; i < entries; i++)
        {
            ReadOnlySpan<byte> entry = node.Slice(At(i), EntrySize);
            long logical = BinaryPrimitives.ReadUInt32LittleEndian(entry);
            if (logical < next) throw Ext4Error.Invalid("extents out of order");
            if (ownDepth == 0)
            {
                ReadExtent(volume, entry, logical, extents, unwritten);
                next = logical + CountOf(entry);
                continue;
            }

            long child = BinaryPrimitives.ReadUInt32LittleEndian(entry[4..]) | ((long)Short(entry, 8) << 32);
            nodes?.Add(child);
            next = logical;
            long before = next;
            ReadNode(volume, volume.Cache.Read(child, BlockKind.ExtentNode).Bytes, ownDepth - 1, ref next, extents, nodes, unwritten);

            // An empty child would let a tree of a few blocks be walked for ages.
            if (next == before) throw Ext4Error.Invalid("an empty node in an extent tree", child);
        }
    }

    private static int CountOf(ReadOnlySpan<byte> entry)
    {
        int count = Short(entry, 4);
        return count > Ext4Extent.MaxCount ? count - Ext4Extent.MaxCount : count;
    }

    private static void ReadExtent(Ext4Volume volume, ReadOnlySpan<byte> entry, long logical, List<Ext4Extent> extents, List<Ext4Extent>? unwritten)
    {
        int count = CountOf(entry);
        long physical = BinaryPrimitives.ReadUInt32LittleEndian(entry[8..]) | ((long)Short(entry, 6) << 32);
        if (count == 0 || physical == 0 || physical + count > volume.BlockCount) throw Ext4Error.Invalid($"an extent at block {physical} that is not on the device");
        var extent = new Ext4Extent(logical, physical, count);
        if (Short(entry, 4) > Ext4Extent.MaxCount) unwritten?.Add(extent);
        else extents.Add(extent);
    }

    private static void WriteHeader(Span<byte> node, int entries, int limit, int depth)
    {
        BinaryPrimitives.WriteUInt16LittleEndian(node, Magic);
        BinaryPrimitives.WriteUInt16LittleEndian(node[2..], (ushort)entries);
        BinaryPrimitives.WriteUInt16LittleEndian(node[4..], (ushort)limit);
        BinaryPrimitives.WriteUInt16LittleEndian(node[6..], (ushort)depth);
    }

    private static void WriteExtent(Span<byte> entry, Ext4Extent extent)
    {
        BinaryPrimitives.WriteUInt32LittleEndian(entry, (uint)extent.Logical);
        BinaryPrimitives.WriteUInt16LittleEndian(entry[4..], (ushort)extent.Count);
        BinaryPrimitives.WriteUInt16LittleEndian(entry[6..], (ushort)(extent.Physical >> 32));
        BinaryPrimitives.WriteUInt32LittleEndian(entry[8..], (uint)extent.Physical);
    }

    private static void WriteChild(Span<byte> entry, (long Logical, long Block) child)
    {
        BinaryPrimitives.WriteUInt32LittleEndian(entry, (uint)child.Logical);
        BinaryPrimitives.WriteUInt32LittleEndian(entry[4..], (uint)child.Block);
        BinaryPrimitives.WriteUInt16LittleEndian(entry[8..], (ushort)(child.Block >> 32));
    }

    private static int At(int index) => EntriesOffset + (index * EntrySize);

    private static ushort Short(ReadOnlySpan<byte> bytes, int at) => BinaryPrimitives.ReadUInt16LittleEndian(bytes[at..]);
}
