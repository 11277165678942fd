using System.Diagnostics.CodeAnalysis;
using Sluice.Formats.Trees;

namespace Sluice.Formats.Ext4;

/// <summary>
/// A directory in use. One that is new, or grows beyond what its blocks can take, lives in memory and is laid out at
/// <see cref="Flush"/>; any other is changed where it lies, so that small changes stay small.
/// </summary>
internal sealed class Ext4Directory
{
    private readonly Ext4Volume _volume;
    private readonly BlockAllocator _allocator;
    private readonly uint _inode;
    private readonly List<long> _nodes = [];
    private List<long> _blocks = [];
    private HashTree? _tree;
    private uint _parent;
    private bool _mapChanged;

    /// <summary>There is an index that we can't add to: a new name means a new index.</summary>
    private bool _hasForeignIndex;

    /// <summary>All names, with the block that holds each. Null: look into the blocks.</summary>
    private Dictionary<FileName, Location>? _names;

    /// <summary>The blocks no longer count, the names do.</summary>
    private bool _inMemory;

    private Ext4Directory(Ext4Volume volume, BlockAllocator allocator, uint inode) => (_volume, _allocator, _inode) = (volume, allocator, inode);

    /// <summary>A directory without blocks.</summary>
    public static Ext4Directory Create(Ext4Volume volume, BlockAllocator allocator, uint inode, uint parent) =>
        new(volume, allocator, inode) { _parent = parent, _names = [], _inMemory = true };

    public static Ext4Directory Open(Ext4Volume volume, BlockAllocator allocator, uint inode)
    {
        var directory = new Ext4Directory(volume, allocator, inode);
        bool indexed = (volume.Inodes.Fields(inode).Flags & InodeFields.IndexFlag) != 0;
        directory._blocks = DirectoryMap.Read(volume, inode, directory._nodes);
        Span<byte> first = volume.Cache.Read(directory._blocks[0], BlockKind.DirectoryLeaf).Bytes;
        directory._parent = DirectoryBlock.InodeOf(DirectoryBlock.EntryAt(first, DirectoryBlock.EntryAt(first, 0).Length));
        if (!indexed || !volume.HasDirectoryIndex) return directory;
        directory._tree = HashTree.Open(volume, inode, directory._blocks);
        directory._hasForeignIndex = directory._tree is null;
        return directory;
    }

    public bool TryFind(FileName name, out uint inode)
    {
        inode = 0;
        if (_names is null && _tree is null && _blocks.Count > 1) LoadNames();
        if (_names is not null)
        {
            bool known = _names.TryGetValue(name, out Location found);
            inode = found.Inode;
            return known;
        }

        int number = 0, offset;
        if (_tree is not null ? !_tree.TryFind(name.Bytes, out number, out offset) : (offset = DirectoryBlock.Find(Leaf(0), name.Bytes)) < 0) return false;
        inode = DirectoryBlock.InodeOf(Leaf(number)[offset..]);
        return true;
    }

    /// <summary>All names but <c>.</c> and <c>..</c>, in no particular order.</summary>
    public List<DirectoryName> List() =>
        [.. (_names ?? ReadNames()).Select(name => new DirectoryName(name.Key, name.Value.Inode, name.Value.Type))];

    /// <summary>Adds a name that is not there.</summary>
    public void Add(in DirectoryName name)
    {
        if (!_inMemory && !TryAddInPlace(name)) TakeIntoMemory();
        if (_inMemory) _names!.Add(name.Name, new Location(name.Inode, name.Type, -1));
    }

    /// <summary>Removes a name that is there.</summary>
    public void Remove(FileName name)
    {
        if (_inMemory)
        {
            _names!.Remove(name);
            return;
        }

        int number = 0;
        if (_tree is not null) _tree.TryFind(name.Bytes, out number, out _);
        else if (_names is not null && _names.Remove(name, out Location location)) number = location.Block;
        CachedBlock block = ChangeLeaf(number);
        DirectoryBlock.Remove(block.Bytes, DirectoryBlock.Find(block.Bytes, name.Bytes));
    }

    /// <summary>Forgets all names; what they led to is the caller's affair.</summary>
    public void Clear() => (_names, _inMemory, _tree) = ([], true, null);

    /// <summary>Gives all blocks back; the directory is gone.</summary>
    public void Free()
    {
        foreach (long block in _blocks) _allocator.FreeMetadata(block);
        foreach (long node in _nodes) _allocator.FreeMetadata(node);
        _blocks.Clear();
        _nodes.Clear();
    }

    /// <summary>Brings the blocks, and the inode's map of them, up to date.</summary>
    public void Flush(DirectoryBuilder builder)
    {
        if (_inMemory)
        {
            Free();
            _blocks = builder.Build(_inode, _parent, [.. List()], out bool indexed);
            ref InodeFields fields = ref _volume.Inodes.Change(_inode);
            fields.Flags = indexed ? fields.Flags | InodeFields.IndexFlag : fields.Flags & ~InodeFields.IndexFlag;
            (_names, _inMemory, _mapChanged, _hasForeignIndex) = (null, false, true, false);
            _tree = indexed ? HashTree.Open(_volume, _inode, _blocks) : null;
        }

        if (!_mapChanged) return;
        _mapChanged = false;
        foreach (long node in _nodes) _allocator.FreeMetadata(node);
        _nodes.Clear();
        DirectoryMap.Write(_volume, _allocator, _inode, _blocks, _nodes);
    }

    private bool TryAddInPlace(in DirectoryName name)
    {
        if (_tree is not null) return _tree.TryInsert(name, Append);
        if (_hasForeignIndex) return false;
        int last = _blocks.Count - 1;
        CachedBlock block = ChangeLeaf(last);
        if (!DirectoryBlock.TryInsert(block.Bytes, _volume.DirectoryBytes, name.Inode, name.Type, name.Name.Bytes)) return false;
        _names?.Add(name.Name, new Location(name.Inode, name.Type, last));
        return true;
    }

    private Span<byte> Leaf(int number) => _volume.Cache.Read(_blocks[number], BlockKind.DirectoryLeaf).Bytes;

    private CachedBlock ChangeLeaf(int number) => _volume.Cache.Change(_blocks[number], BlockKind.DirectoryLeaf, _inode);

    private int Append()
    {
        _blocks.Add(_allocator.Allocate(1).Block);
        _mapChanged = true;
        return _blocks.Count - 1;
    }

    private void TakeIntoMemory()
    {
        LoadNames();
        (_inMemory, _tree) = (true, null);
    }

    [MemberNotNull(nameof(_names))]
    private void LoadNames() => _names ??= ReadNames();

    private Dictionary<FileName, Location> ReadNames()
    {
        var all = new Dictionary<FileName, Location>();
        var names = new List<DirectoryName>();
        for (int i = 0; i < _blocks.Count; i++)
        {
            names.Clear();
            DirectoryMap.ReadNames(_volume, _blocks[i], names);
            foreach (DirectoryName name in names)
            {
                if (!all.TryAdd(name.Name, new Location(name.Inode, name.Type, i))) throw Ext4Error.Invalid($"the name '{name.Name}' is twice in a directory", _blocks[i]);
            }

            if (all.Count > Ext4TreeReader.MaxNames) throw Ext4Error.Invalid($"more than {Ext4TreeReader.MaxNames} names in a directory");
        }

        return all;
    }

    /// <param name="Block">Block of the directory; -1 in memory.</param>
    private readonly record struct Location(uint Inode, byte Type, int Block);
}
