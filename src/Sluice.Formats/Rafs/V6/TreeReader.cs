using Sluice.Formats.Erofs;
using Sluice.Formats.Trees;

namespace Sluice.Formats.Rafs.V6;

/// <summary>Reads the inode tree breadth-first, one <see cref="Inode"/> per nid.</summary>
internal sealed class TreeReader(BootstrapTables tables, FileChunkReader chunks)
{
    private readonly record struct Pending(Inode Directory, ErofsNode Node, ulong Parent, int Depth);

    private readonly Dictionary<ulong, Inode> _inodes = [];
    private readonly Queue<Pending> _pending = new();
    private readonly List<DirectoryName> _names = [];
    private readonly FileTime _compactTime = new((long)tables.Superblock.BuildTime, tables.Superblock.BuildTimeNanoseconds);

    public Inode Read()
    {
        ulong rootNid = tables.Superblock.RootNid;
        Inode root = ReadInode(rootNid, rootNid, 0);
        if (root.Type != FileType.Directory) throw tables.Image.Invalid("the root is not a directory", ErofsLayout.SuperblockOffset + 0x0E);
        while (_pending.TryDequeue(out Pending directory)) ReadEntries(directory);
        return root;
    }

    /// <summary>The inode with this nid, if the tree has it.</summary>
    public Inode? Find(ulong nid) => _inodes.GetValueOrDefault(nid);

    private void ReadEntries(Pending directory)
    {
        DirectoryReader.Read(tables.Image, directory.Node, _names);
        foreach (DirectoryName name in _names)
        {
            if (name.Name == DirectoryBlocks.Self) continue;
            if (name.Name == DirectoryBlocks.Parent)
            {
                if (name.Nid != directory.Parent) throw tables.Image.Invalid("'..' leads elsewhere", directory.Node.Offset);
                continue;
            }

            Inode child = ReadChild(directory, name);
            if (DirectoryEntryType.Of(child.Type) != name.Type)
                throw tables.Image.Invalid($"'{name.Name}' has another type than its inode", directory.Node.Offset);
            directory.Directory.Entries!.Add(name.Name, child);
        }
    }

    private Inode ReadChild(Pending directory, DirectoryName name)
    {
        if (!_inodes.TryGetValue(name.Nid, out Inode? known)) return ReadInode(name.Nid, directory.Node.Nid, directory.Depth + 1);
        if (known.Type == FileType.Directory)
            throw tables.Image.Invalid($"'{name.Name}' leads to a directory that has another name", directory.Node.Offset);
        return known;
    }

    private Inode ReadInode(ulong nid, ulong parent, int depth)
    {
        ErofsNode node = ErofsInodeReader.Read(tables.Image, nid, _compactTime);
        bool directory = node.Type == FileType.Directory;
        if (depth > TreeWalk.MaxDepth) throw tables.Image.Invalid($"directories nested deeper than {TreeWalk.MaxDepth}", node.Offset);
        var inode = new Inode
        {
            Type = node.Type,
            Mode = (ushort)(node.Fields.Mode & 0xFFF),
            UserId = node.Fields.UserId,
            GroupId = node.Fields.GroupId,
            ModificationTime = new FileTime(node.Fields.ModificationSeconds, node.Fields.ModificationNanoseconds),
            ExtendedAttributes = ErofsInodeReader.ReadXattrs(tables.Image, node),
            Entries = directory ? [] : null,
        };
        ReadContent(node, inode);
        _inodes.Add(nid, inode);
        if (directory) _pending.Enqueue(new Pending(inode, node, parent, depth));
        return inode;
    }

    private void ReadContent(in ErofsNode node, Inode inode)
    {
        switch (inode.Type)
        {
            case FileType.Regular:
                inode.Size = node.Size;
                inode.Chunks = chunks.Read(node);
                break;
            case FileType.SymbolicLink:
                inode.LinkTarget = ReadLink(node);
                inode.Size = inode.LinkTarget.Length;
                break;
            case FileType.CharacterDevice or FileType.BlockDevice:
                inode.Device = ErofsLayout.DecodeDevice(node.Fields.Union);
                break;
            default:
                break;
        }
    }

    private FileName ReadLink(in ErofsNode node)
    {
        if (node.Size is 0 or > ErofsLayout.MaxLinkLength) throw tables.Image.Invalid("a symbolic link of an impossible length", node.Offset);
        var target = new FileName(ErofsInodeReader.ReadFlat(tables.Image, node, "a symbolic link"));
        if (target.Bytes.Contains((byte)0)) throw tables.Image.Invalid("a zero byte in the target of a symbolic link", node.Offset);
        return target;
    }
}
