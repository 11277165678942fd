using System.Runtime.InteropServices;

namespace Sluice.Formats.Ext4;

/// <summary>The index of a directory that is on the device: finds names with few reads, and takes new ones without moving the others.</summary>
internal sealed class HashTree
{
    private const int InfoOffset = 24;
    private const byte InfoLength = 8;

    private readonly Ext4Volume _volume;
    private readonly uint _inode;
    private readonly List<long> _blocks;
    private readonly DirectoryHash _hash;
    private readonly bool _hasNodes;

    private HashTree(Ext4Volume volume, uint inode, List<long> blocks, byte version, bool hasNodes)
    {
        (_volume, _inode, _blocks, _hasNodes) = (volume, inode, blocks, hasNodes);
        _hash = volume.Hash.WithVersion(version);
    }

    /// <summary>Null if the index is none that we can use; the directory can still be read as a list.</summary>
    /// <param name="blocks">Where the directory's blocks are; grows with it.</param>
    public static HashTree? Open(Ext4Volume volume, uint inode, List<long> blocks)
    {
        ReadOnlySpan<byte> info = volume.Cache.Read(blocks[0], BlockKind.HashNode).Bytes.AsSpan(InfoOffset, InfoLength);
        bool usable = info[4] < 6 && info[5] == InfoLength && info[6] <= 1;
        return usable ? new HashTree(volume, inode, blocks, info[4], info[6] == 1) : null;
    }

    /// <summary>The block of the directory, and the offset in it, where the name is.</summary>
    public bool TryFind(ReadOnlySpan<byte> name, out int block, out int offset)
    {
        uint hash = _hash.Compute(name);
        Position position = Seek(hash);
        do
        {
            block = LeafOf(position);
            offset = DirectoryBlock.Find(Leaf(block).Bytes, name);
            if (offset >= 0) return true;
        }
        while (TryMoveNext(ref position, hash));
        return false;
    }

    /// <summary>Adds a name that is not there. False when the index has no room: the directory must be built anew.</summary>
    /// <param name="append">Gives the directory one more block; returns its number.</param>
    public bool TryInsert(in DirectoryName name, Func<int> append)
    {
        uint hash = _hash.Compute(name.Name.Bytes);
        Position position = Seek(hash);
        int leaf = LeafOf(position);
        CachedBlock block = Leaf(leaf);
        if (TryPut(block, name)) return true;

        int nodeBlock = _hasNodes ? position.Node : 0, index = _hasNodes ? position.NodeIndex : position.RootIndex;
        HashNode node = Node(nodeBlock);
        if (node.Count == node.Limit) return false;
        int added = append();
        uint boundary = Split(block, _volume.Cache.Zero(_blocks[added], BlockKind.DirectoryLeaf, _inode));
        node.Insert(index + 1, boundary, added);
        _volume.Cache.Change(_blocks[nodeBlock], BlockKind.HashNode, _inode);
        if (!TryPut(hash >= (boundary & ~1u) ? Leaf(added) : block, name)) throw Ext4Error.Invalid("a directory block that can't be split", block.Number);
        return true;
    }

    private bool TryPut(CachedBlock block, in DirectoryName name)
    {
        if (!DirectoryBlock.TryInsert(block.Bytes, _volume.DirectoryBytes, name.Inode, name.Type, name.Name.Bytes)) return false;
        Touch(block);
        return true;
    }

    private void Touch(CachedBlock block) => (block.Kind, block.Owner, block.IsDirty) = (BlockKind.DirectoryLeaf, _inode, true);

    /// <summary>Moves the upper half of the hashes to another block; returns the lowest of them, with bit 0 if the lower half has it, too.</summary>
    private uint Split(CachedBlock from, CachedBlock to)
    {
        byte[] old = from.Bytes.AsSpan().ToArray();
        var entries = new List<(uint Hash, int Offset)>();
        int size = 0;
        for (int at = 0; at < _volume.DirectoryBytes; at += DirectoryBlock.LengthOf(old.AsSpan(at)))
        {
            ReadOnlySpan<byte> entry = DirectoryBlock.EntryAt(old, at);
            if (DirectoryBlock.InodeOf(entry) == 0) continue;
            ReadOnlySpan<byte> name = DirectoryBlock.NameOf(entry);
            entries.Add((_hash.Compute(name), at));
            size += DirectoryBlock.EntrySize(name.Length);
        }

        if (entries.Count < 2) throw Ext4Error.Invalid("a directory block that can't be split", from.Number);
        entries.Sort();
        int boundary = 0;
        for (int half = 0; boundary < entries.Count - 1 && (boundary == 0 || half < size / 2); boundary++)
            half += DirectoryBlock.EntrySize(old[entries[boundary].Offset + 6]);
        Fill(from, CollectionsMarshal.AsSpan(entries)[..boundary], old);
        Fill(to, CollectionsMarshal.AsSpan(entries)[boundary..], old);
        bool divided = entries[boundary - 1].Hash == entries[boundary].Hash;
        return entries[boundary].Hash | (divided ? 1u : 0);
    }

    private void Fill(CachedBlock block, ReadOnlySpan<(uint Hash, int Offset)> entries, Span<byte> old)
    {
        var writer = new DirectoryBlockWriter(block.Bytes, _volume.DirectoryBytes);
        foreach ((_, int offset) in entries)
        {
            ReadOnlySpan<byte> entry = DirectoryBlock.EntryAt(old, offset);
            writer.Add(DirectoryBlock.InodeOf(entry), DirectoryBlock.TypeOf(entry), DirectoryBlock.NameOf(entry));
        }

        Touch(block);
    }

    private Position Seek(uint hash)
    {
        HashNode root = Node(0);
        int index = root.Find(hash);
        if (!_hasNodes) return new Position(index, 0, 0);
        int node = root.BlockOf(index);
        return new Position(index, node, Node(node).Find(hash));
    }

    private int LeafOf(Position position) => _hasNodes ? Node(position.Node).BlockOf(position.NodeIndex) : Node(0).BlockOf(position.RootIndex);

    /// <summary>On to the next block if that goes on with the same hash.</summary>
    private bool TryMoveNext(ref Position position, uint hash)
    {
        if (_hasNodes)
        {
            HashNode node = Node(position.Node);
            if (position.NodeIndex + 1 < node.Count)
            {
                position = position with { NodeIndex = position.NodeIndex + 1 };
                return (node.HashOf(position.NodeIndex) & ~1u) == hash;
            }
        }

        HashNode root = Node(0);
        int next = position.RootIndex + 1;
        if (next >= root.Count || (root.HashOf(next) & ~1u) != hash) return false;
        position = new Position(next, _hasNodes ? root.BlockOf(next) : 0, 0);
        return true;
    }

    private HashNode Node(int number) =>
        HashNode.Checked(Block(number, BlockKind.HashNode).Bytes, number == 0 ? HashNode.RootOffset : HashNode.NodeOffset, _volume.IndexTail);

    private CachedBlock Leaf(int number)
    {
        if (number == 0) throw Ext4Error.Invalid("a directory index that leads to itself", _blocks[0]);
        return Block(number, BlockKind.DirectoryLeaf);
    }

    private CachedBlock Block(int number, BlockKind kind)
    {
        if (number >= _blocks.Count) throw Ext4Error.Invalid("a directory index that leads beyond the directory", _blocks[0]);
        return _volume.Cache.Read(_blocks[number], kind);
    }

    /// <summary>An entry of the root and, below it, an entry of a node.</summary>
    private readonly record struct Position(int RootIndex, int Node, int NodeIndex);
}
