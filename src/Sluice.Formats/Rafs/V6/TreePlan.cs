using System.Runtime.InteropServices;
using Sluice.Formats.Erofs;
using Sluice.Formats.Trees;

namespace Sluice.Formats.Rafs.V6;

/// <summary>
/// A tree flattened in breadth-first order. A regular file that has several names is one inode; everything else gets one
/// inode per name, as nydus-image does. Refuses what is no tree: a directory with two names, or a name that can't be one.
/// </summary>
internal sealed class TreePlan
{
    private readonly List<PlannedInode> _inodes = [];
    private readonly List<int> _names = [];
    private readonly Dictionary<Inode, int> _positions = new(ReferenceEqualityComparer.Instance);

    public TreePlan(Inode root)
    {
        if (root.Type != FileType.Directory) throw new SluiceException(SluiceError.Image, "rafs", "the root is not a directory");
        Add(root, default, 0, 1);
        for (int i = 0; i < _inodes.Count; i++)
        {
            if (_inodes[i].Inode.Type == FileType.Directory) AddEntries(i);
        }
    }

    public Span<PlannedInode> Inodes => CollectionsMarshal.AsSpan(_inodes);

    /// <summary>Per name in breadth-first order, the position of its inode. The root has no name.</summary>
    public ReadOnlySpan<int> Names => CollectionsMarshal.AsSpan(_names);

    /// <summary>Position of an inode (of its first name, where it was split), or −1.</summary>
    public int Find(Inode inode) => _positions.GetValueOrDefault(inode, -1);

    /// <summary>The first path of an inode, for messages.</summary>
    public FileName PathOf(int position)
    {
        var parts = new Stack<FileName>();
        int length = 0;
        while (position != 0)
        {
            FileName name = _inodes[position].Name;
            parts.Push(name);
            length += 1 + name.Length;
            position = _inodes[position].Parent;
        }

        if (length == 0) return new FileName("/");
        byte[] path = new byte[length];
        int end = 0;
        foreach (FileName part in parts)
        {
            path[end++] = (byte)'/';
            part.Bytes.CopyTo(path.AsSpan(end));
            end += part.Length;
        }

        return new FileName(path);
    }

    private void AddEntries(int directory)
    {
        SortedDictionary<FileName, Inode> entries = _inodes[directory].Inode.Entries
            ?? throw Invalid(directory, "a directory without entries");
        int first = _names.Count;
        uint subdirectories = 0;
        foreach ((FileName name, Inode child) in entries)
        {
            if (!IsValid(name)) throw Invalid(directory, $"the name '{name}' is not allowed in a directory");
            int position = _positions.GetValueOrDefault(child, -1);
            if (child.Type == FileType.Directory)
            {
                if (position >= 0) throw Invalid(position, "a directory with two names");
                subdirectories++;
            }

            bool shared = position >= 0 && child.Type == FileType.Regular;
            if (!shared) position = Add(child, name, directory, (uint)_names.Count + 2);
            if (child.Type != FileType.Directory) Inodes[position].Links++;
            _names.Add(position);
        }

        Inodes[directory].FirstName = first;
        Inodes[directory].Links = 2 + subdirectories;
    }

    private int Add(Inode inode, FileName name, int parent, uint number)
    {
        int position = _inodes.Count;
        int depth = position == 0 ? 0 : _inodes[parent].Depth + 1;
        if (depth > TreeWalk.MaxDepth) throw Invalid(parent, $"directories nested deeper than {TreeWalk.MaxDepth}");
        _positions.TryAdd(inode, position);
        _inodes.Add(new PlannedInode { Inode = inode, Name = name, Parent = parent, Depth = depth, Number = number });
        return position;
    }

    private static bool IsValid(FileName name) =>
        name.Length is > 0 and <= ErofsLayout.MaxNameLength
        && !name.Bytes.ContainsAny((byte)'/', (byte)0)
        && name != DirectoryBlocks.Self && name != DirectoryBlocks.Parent;

    private SluiceException Invalid(int position, string message) => new(SluiceError.Image, "rafs", $"{PathOf(position)}: {message}");
}
