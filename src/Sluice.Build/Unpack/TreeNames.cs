using Sluice.Formats.Trees;

namespace Sluice.Build.Unpack;

/// <summary>A tree sorted into what is made one after the other: directories, other special files, contents, further names.</summary>
internal sealed class TreeNames
{
    public TreeNames(Inode root)
    {
        foreach (TreeEntry entry in TreeWalk.DepthFirst(root))
        {
            if (entry.Inode.Type == FileType.Directory) Directories.Add(entry);
            else if (!First.TryAdd(entry.Inode, entry.Path)) Links.Add(entry);
            else if (entry.Inode is { Type: FileType.Regular, Size: > 0 }) Files.Add(entry.Inode);
            else Others.Add(entry);
        }
    }

    /// <summary>Parents first; the root is the first.</summary>
    public List<TreeEntry> Directories { get; } = [];

    /// <summary>Empty files, symbolic links, devices, FIFOs and sockets.</summary>
    public List<TreeEntry> Others { get; } = [];

    /// <summary>Regular files with content, each once.</summary>
    public List<Inode> Files { get; } = [];

    /// <summary>Further names of what <see cref="First"/> has.</summary>
    public List<TreeEntry> Links { get; } = [];

    /// <summary>The first path of everything but directories.</summary>
    public Dictionary<Inode, FileName> First { get; } = new(ReferenceEqualityComparer.Instance);

    public long Count => Directories.Count + Others.Count + Files.Count + Links.Count;
}
