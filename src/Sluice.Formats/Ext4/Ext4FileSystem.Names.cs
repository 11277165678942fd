using Sluice.Formats.Trees;

namespace Sluice.Formats.Ext4;

public sealed partial class Ext4FileSystem
{
    /// <summary>The inode that a directory has under a name, which is neither <c>.</c> nor <c>..</c>.</summary>
    public bool TryFind(uint directory, FileName name, out uint inode) => Directory(directory).TryFind(name, out inode);

    /// <summary>The names in a directory, without <c>.</c> and <c>..</c>, in no particular order.</summary>
    public IReadOnlyList<Ext4Entry> List(uint directory) => Directory(directory).List().ConvertAll(name => new Ext4Entry(name.Name, name.Inode));

    /// <exception cref="InvalidFormatException">The inode is free, or of no known type.</exception>
    public FileType TypeOf(uint inode)
    {
        FileType type = _volume.Inodes.Fields(inode).Type;
        return DirectoryEntryType.Of(type) != 0 ? type : throw Ext4Error.Invalid($"inode {inode} is of no known type");
    }

    /// <summary>The target of a symbolic link.</summary>
    public FileName ReadLink(uint inode) => LinkReader.Read(_volume, inode);

    /// <summary>Gives an inode a further name, which must not be there yet. Directories have one name only.</summary>
    /// <exception cref="Ext4FullException">The inode has 65,000 names.</exception>
    public void Link(uint directory, FileName name, uint inode)
    {
        CheckName(name);
        ref InodeFields fields = ref _volume.Inodes.Change(inode);
        if (fields.Links >= Ext4Layout.MaxLinks) throw Ext4FullException.TooManyLinks(_volume, inode);
        fields.Links++;
        Directory(directory).Add(new DirectoryName(name, inode, DirectoryEntryType.Of(TypeOf(inode))));
    }

    /// <summary>
    /// Removes a name, of a directory with everything that it holds. Until the next flush the inode and all below it stay as they
    /// are, so numbers keep their meaning and a file may get another name; then goes what has none.
    /// </summary>
    /// <returns>False if there is no such name.</returns>
    public bool Remove(uint directory, FileName name)
    {
        Ext4Directory parent = Directory(directory);
        if (!parent.TryFind(name, out uint inode)) return false;
        parent.Remove(name);
        _removed.Add(inode);
        if (TypeOf(inode) == FileType.Directory) CountSubdirectory(directory, -1);
        return true;
    }

    /// <summary>Removes all names of a directory; of the root all but the <c>lost+found</c> of mkfs, which belongs to the file system.</summary>
    public void RemoveAll(uint directory)
    {
        Ext4Directory parent = Directory(directory);
        List<DirectoryName> names = parent.List();
        parent.Clear();
        int subdirectories = 0;
        foreach (DirectoryName name in names)
        {
            if (directory == Root && name.Inode == _volume.FirstInode && name.Name == LostAndFound)
            {
                parent.Add(name);
                continue;
            }

            if (TypeOf(name.Inode) == FileType.Directory) subdirectories++;
            _removed.Add(name.Inode);
        }

        CountSubdirectory(directory, -subdirectories);
    }

    private static readonly FileName LostAndFound = new("lost+found");

    private static void CheckName(FileName name)
    {
        if (name.Length is 0 or > Ext4Layout.MaxNameLength || name.Bytes.ContainsAny((byte)'/', (byte)0))
            throw new ArgumentException($"'{name}' is no name of 1 to 255 bytes", nameof(name));
    }

    /// <summary>Gives back what removed names led to, and what was below.</summary>
    private void FreeRemoved()
    {
        var pending = new Stack<uint>(Enumerable.Reverse(_removed));
        _removed.Clear();
        while (pending.TryPop(out uint inode))
        {
            if (TypeOf(inode) != FileType.Directory)
            {
                ref InodeFields fields = ref _volume.Inodes.Change(inode);
                if (fields.Links > 1) fields.Links--;
                else Free(inode);
                continue;
            }

            // An image where a directory lies in itself ends here too: the second time the inode is free, and of no type.
            Ext4Directory directory = Directory(inode);
            foreach (DirectoryName name in directory.List()) pending.Push(name.Inode);
            directory.Free();
            _directories.Remove(inode);
            Free(inode);
        }
    }

    private void Free(uint inode)
    {
        Span<byte> record = _volume.Inodes.ChangeRecord(inode);
        ref InodeFields fields = ref InodeTable.FieldsOf(record);
        FileType type = fields.Type;
        if ((fields.Flags & InodeFields.ForeignFlags) != 0) throw Ext4Error.Unsupported($"inode {inode} holds its data or attributes elsewhere", "make the file system with extents");
        if (type is FileType.Regular or FileType.SymbolicLink) FreeContent(inode, record);
        _attributes.FreeBlock(ref fields);
        _inodes.Free(inode, type == FileType.Directory);
    }

    private void FreeContent(uint inode, Span<byte> record)
    {
        ref InodeFields fields = ref InodeTable.FieldsOf(record);
        if ((fields.Flags & InodeFields.ExtentsFlag) == 0)
        {
            if (fields.Type == FileType.SymbolicLink && fields.FileSize < Ext4Layout.InlineLinkLength) return;
            if (fields.Blocks > (fields.AttributeBlock != 0 ? 1 : 0)) throw Ext4Error.Unsupported($"file inode {inode} has no extents", "make the file system with extents");
            return;
        }

        List<Ext4Extent> extents = [], unwritten = [];
        List<long> nodes = [];
        ExtentTree.Read(_volume, InodeTable.BlocksOf(record), extents, nodes, unwritten);
        foreach (Ext4Extent extent in extents.Concat(unwritten)) _blocks.Free(extent.Physical, extent.Count);
        if (fields.Type == FileType.SymbolicLink) extents.ForEach(extent => _volume.Cache.Forget(extent.Physical));
        foreach (long node in nodes) _blocks.FreeMetadata(node);
    }

    /// <summary>Directories with more subdirectories than a link count can say have link count 1, and keep it.</summary>
    private void CountSubdirectory(uint directory, int change)
    {
        if (change == 0) return;
        ref InodeFields fields = ref _volume.Inodes.Change(directory);
        if (fields.Links == 1) return;
        int links = fields.Links + change;
        if (links > Ext4Layout.MaxLinks)
        {
            if (!_volume.HasDirectoryLinks) throw Ext4FullException.TooManyLinks(_volume, directory);
            links = 1;
        }

        fields.Links = (ushort)Math.Max(links, 1);
    }
}
