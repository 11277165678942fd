using Sluice.Formats.Trees;

namespace Sluice.Formats.Ext4;

/// <summary>Lays out a whole directory at once: one block, or the index first and the leaves behind it in the order of their hashes.</summary>
internal sealed class DirectoryBuilder(Ext4Volume volume, BlockAllocator allocator)
{
    /// <summary>One part of eight of leaves and nodes stays free, so that a later layer's name need not split them.</summary>
    private const int Spare = 8;

    private readonly int _usable = volume.DirectoryBytes;
    private readonly int _tail = volume.IndexTail;

    /// <summary>Allocates and fills the blocks of a directory; returns where they are, in order.</summary>
    public List<long> Build(uint inode, uint parent, DirectoryName[] names, out bool indexed)
    {
        int size = 2 * DirectoryBlock.EntrySize(2);
        foreach (DirectoryName name in names) size += name.EntrySize;
        indexed = size > _usable && volume.HasDirectoryIndex;
        if (indexed) return BuildIndexed(inode, parent, names);
        Array.Sort(names, (left, right) => left.Name.CompareTo(right.Name));
        return BuildLinear(inode, parent, names);
    }

    private List<long> BuildLinear(uint inode, uint parent, DirectoryName[] names)
    {
        var blocks = new List<long>();
        DirectoryBlockWriter writer = NewLeaf(Add(blocks, 1), inode);
        writer.AddDots(inode, parent);
        foreach (DirectoryName name in names)
        {
            if (!writer.Fits(name.Name.Length)) writer = NewLeaf(Add(blocks, 1), inode);
            writer.Add(name.Inode, name.Type, name.Name.Bytes);
        }

        return blocks;
    }

    private List<long> BuildIndexed(uint inode, uint parent, DirectoryName[] names)
    {
        for (int i = 0; i < names.Length; i++) names[i] = names[i] with { Hash = volume.Hash.Compute(names[i].Name.Bytes) };
        Array.Sort(names, (left, right) => left.Hash != right.Hash ? left.Hash.CompareTo(right.Hash) : left.Name.CompareTo(right.Name));
        List<int> leaves = PlanLeaves(names);
        int rootLimit = HashNode.MaxEntries(HashNode.RootOffset, _tail), nodeLimit = HashNode.MaxEntries(HashNode.NodeOffset, _tail);
        int perNode = nodeLimit - (nodeLimit / Spare);
        int nodes = leaves.Count <= rootLimit ? 0 : (leaves.Count + perNode - 1) / perNode;
        if (nodes > rootLimit) throw Ext4FullException.DirectoryTooLarge(volume, inode);

        var blocks = new List<long>(1 + nodes + leaves.Count);
        Add(blocks, 1 + nodes + leaves.Count);
        HashNode root = NewRoot(blocks[0], inode, parent, (byte)(nodes > 0 ? 1 : 0));
        HashNode node = root;
        for (int i = 0; i < leaves.Count; i++)
        {
            uint hash = FirstHash(names, leaves[i]);
            if (nodes > 0 && i % perNode == 0)
            {
                int number = 1 + (i / perNode);
                root.Insert(root.Count, hash, number);
                node = NewNode(blocks[number], inode);
            }

            node.Insert(node.Count, hash, 1 + nodes + i);
            int end = i + 1 < leaves.Count ? leaves[i + 1] : names.Length;
            DirectoryBlockWriter writer = NewLeaf(blocks[1 + nodes + i], inode);
            foreach (DirectoryName name in names.AsSpan(leaves[i]..end)) writer.Add(name.Inode, name.Type, name.Name.Bytes);
        }

        return blocks;
    }

    /// <summary>The index of every leaf's first name.</summary>
    private List<int> PlanLeaves(DirectoryName[] names)
    {
        var leaves = new List<int> { 0 };
        int fill = 0;
        for (int i = 0; i < names.Length; i++)
        {
            int size = names[i].EntrySize;
            if (fill + size > _usable - (_usable / Spare))
            {
                leaves.Add(i);
                fill = 0;
            }

            fill += size;
        }

        return leaves;
    }

    /// <summary>With bit 0 where the block before ends with the same hash.</summary>
    private static uint FirstHash(DirectoryName[] names, int index) =>
        names[index].Hash | (index > 0 && names[index - 1].Hash == names[index].Hash ? 1u : 0);

    private HashNode NewRoot(long block, uint inode, uint parent, byte levels)
    {
        const int InfoOffset = 24;
        Span<byte> bytes = volume.Cache.Zero(block, BlockKind.HashNode, inode).Bytes;
        var dots = new DirectoryBlockWriter(bytes, Ext4Layout.BlockSize);
        dots.AddDots(inode, parent);
        bytes[InfoOffset + 4] = (byte)(volume.Hash.Version % 3);
        bytes[InfoOffset + 5] = 8;
        bytes[InfoOffset + 6] = levels;
        return HashNode.Create(bytes, HashNode.RootOffset, _tail);
    }

    private HashNode NewNode(long block, uint inode)
    {
        Span<byte> bytes = volume.Cache.Zero(block, BlockKind.HashNode, inode).Bytes;
        DirectoryBlock.Clear(bytes, Ext4Layout.BlockSize);
        return HashNode.Create(bytes, HashNode.NodeOffset, _tail);
    }

    private DirectoryBlockWriter NewLeaf(long block, uint inode) =>
        new(volume.Cache.Zero(block, BlockKind.DirectoryLeaf, inode).Bytes, _usable);

    private long Add(List<long> blocks, int wanted)
    {
        long block = 0;
        while (wanted > 0)
        {
            (block, int count) = allocator.Allocate(wanted);
            for (int i = 0; i < count; i++) blocks.Add(block + i);
            wanted -= count;
        }

        return block;
    }
}
