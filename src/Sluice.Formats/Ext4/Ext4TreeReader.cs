using Sluice.Formats.Trees;

namespace Sluice.Formats.Ext4;

/// <summary>Walks a file system breadth-first. Every directory, and every block of metadata, may be met once.</summary>
internal sealed class Ext4TreeReader(Ext4Volume volume)
{
    public const int MaxNames = 16 << 20;

    private readonly Dictionary<uint, Inode> _files = [];
    private readonly HashSet<uint> _seen = [];
    private readonly HashSet<long> _claimed = [];
    private readonly Dictionary<Inode, Ext4Extent[]> _contents = new(ReferenceEqualityComparer.Instance);
    private readonly XattrReader _attributes = new(volume);
    private int _names;

    public Ext4Image Read()
    {
        Inode root = ReadInode(Ext4Layout.RootInode);
        if (root.Type != FileType.Directory) throw Ext4Error.Invalid("the root is no directory");
        _seen.Add(Ext4Layout.RootInode);
        var pending = new Queue<(Inode Directory, uint Number, int Depth)>([(root, Ext4Layout.RootInode, 0)]);
        var names = new List<DirectoryName>();
        while (pending.TryDequeue(out var next))
        {
            ReadNames(next.Number, names);
            foreach (DirectoryName name in names)
            {
                Inode child = ReadChild(name);
                if (!next.Directory.Entries!.TryAdd(name.Name, child)) throw Ext4Error.Invalid($"the name '{name.Name}' is twice in a directory");
                if (child.Type != FileType.Directory) continue;
                if (next.Depth + 1 >= TreeWalk.MaxDepth) throw Ext4Error.Invalid($"more than {TreeWalk.MaxDepth} levels of directories");
                pending.Enqueue((child, name.Inode, next.Depth + 1));
            }

            volume.Cache.Trim();
        }

        return new Ext4Image(volume.Store, root, _contents);
    }

    private void ReadNames(uint directory, List<DirectoryName> names)
    {
        names.Clear();
        var nodes = new List<long>();
        List<long> blocks = DirectoryMap.Read(volume, directory, nodes);
        Claim(nodes);
        Claim(blocks);
        foreach (long block in blocks)
        {
            DirectoryMap.ReadNames(volume, block, names);
            if (_names + names.Count > MaxNames) throw Ext4Error.Invalid($"more than {MaxNames} names");
        }

        _names += names.Count;
    }

    private Inode ReadChild(in DirectoryName name)
    {
        if (name.Inode < volume.FirstInode || name.Inode > volume.InodeCount) throw Ext4Error.Invalid($"'{name.Name}' leads to inode {name.Inode}");
        if (_files.TryGetValue(name.Inode, out Inode? known)) return known;
        if (!_seen.Add(name.Inode)) throw Ext4Error.Invalid($"directory inode {name.Inode} has two names");
        Inode inode = ReadInode(name.Inode);
        if (DirectoryEntryType.Of(inode.Type) != name.Type) throw Ext4Error.Invalid($"'{name.Name}' is of another type than its inode");
        if (inode.Type != FileType.Directory) _files.Add(name.Inode, inode);
        return inode;
    }

    private Inode ReadInode(uint number)
    {
        InodeFields fields = volume.Inodes.Fields(number);
        if (DirectoryEntryType.Of(fields.Type) == 0) throw Ext4Error.Invalid($"inode {number} is of no known type");
        if (fields.Links == 0 || fields.FileSize < 0) throw Ext4Error.Invalid($"inode {number} is in use and says it isn't");
        if ((fields.Flags & InodeFields.ForeignFlags) != 0) throw Ext4Error.Unsupported($"inode {number} holds its data or attributes elsewhere", "make the file system with extents");
        FileTime time = fields.Modified;
        if (time.Nanoseconds > 999_999_999) throw Ext4Error.Invalid($"inode {number} has nanoseconds beyond a second");
        var inode = new Inode
        {
            Type = fields.Type,
            Mode = (ushort)(fields.Mode & ~Ext4Layout.TypeMask),
            UserId = fields.UserId,
            GroupId = fields.GroupId,
            ModificationTime = time,
            ExtendedAttributes = _attributes.Read(number),
            Entries = fields.Type == FileType.Directory ? [] : null,
        };
        if (inode.Type == FileType.Regular) ReadContent(inode, number);
        else if (inode.Type is FileType.CharacterDevice or FileType.BlockDevice) inode.Device = DeviceEncoding.Decode(fields.Block0, fields.Block1);
        else if (inode.Type == FileType.SymbolicLink)
        {
            inode.LinkTarget = LinkReader.Read(volume, number);
            inode.Size = inode.LinkTarget.Length;
        }

        return inode;
    }

    private void ReadContent(Inode inode, uint number)
    {
        Span<byte> record = volume.Inodes.Record(number);
        ref InodeFields fields = ref InodeTable.FieldsOf(record);
        inode.Size = fields.FileSize;
        if (Ext4Layout.Blocks(inode.Size) > uint.MaxValue) throw Ext4Error.Invalid($"file inode {number} has {inode.Size} bytes");
        if ((fields.Flags & InodeFields.ExtentsFlag) == 0)
        {
            if (inode.Size > 0) throw Ext4Error.Unsupported($"file inode {number} has no extents", "make the file system with extents");
            return;
        }

        List<Ext4Extent> extents = [];
        List<long> nodes = [];
        ExtentTree.Read(volume, InodeTable.BlocksOf(record), extents, nodes);
        Claim(nodes);
        if (extents.Count > 0) _contents.Add(inode, [.. extents]);
    }

    private void Claim(List<long> blocks)
    {
        foreach (long block in blocks)
        {
            if (!_claimed.Add(block)) throw Ext4Error.Invalid("a block that two inodes claim", block);
        }
    }
}
