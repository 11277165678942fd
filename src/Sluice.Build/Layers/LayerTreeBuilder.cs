using Sluice.Formats;
using Sluice.Formats.Tar;
using Sluice.Formats.Trees;

namespace Sluice.Build.Layers;

/// <summary>
/// Turns the entries of a layer's tar into a <see cref="LayerTree"/>, with the rules that containerd follows when it unpacks:
/// the last entry of a name wins, a directory entry over a directory changes its attributes only, parents may be missing,
/// and a path that leads through a symbolic link of the same layer follows it.
/// </summary>
public sealed class LayerTreeBuilder
{
    private const int MaxPathLength = 4096; // PATH_MAX: the kernel could not name anything longer
    private const int MaxNameLength = 255;
    private const int MaxDepth = MaxPathLength / 2; // a path of 4096 bytes can't name more directories; links must not add to it
    private const int MaxLinksFollowed = 40; // as the kernel's own limit (ELOOP)

    private const int MaxInodes = 4 << 20; // a layer of some megabytes can hold billions of headers; each inode takes about 1 KiB of memory
    private const long MaxAttributes = 512 << 20; // bytes of link targets and extended attributes, all inodes together

    private readonly LayerTree _tree = new();
    private readonly int _maxInodes;
    private int _inodes;
    private long _attributes;

    public LayerTreeBuilder()
        : this(MaxInodes)
    {
    }

    internal LayerTreeBuilder(int maxInodes)
    {
        _maxInodes = maxInodes;
        _tree.ImplicitDirectories.Add(_tree.Root);
    }

    /// <summary>The tree so far; complete when every entry was added.</summary>
    public LayerTree Tree => _tree;

    /// <summary>Adds an entry. Returns the inode whose content follows (a regular file), or null.</summary>
    /// <exception cref="InvalidFormatException">The entry can't be placed: name too long, links in a loop, or more of them than an image can have.</exception>
    public Inode? Add(TarEntry entry)
    {
        if (entry.Path.Length > MaxPathLength) throw Invalid(entry, "the path is longer than 4096 bytes");
        Count(entry);
        if (entry.Path.IsEmpty)
        {
            if (entry.Type != TarEntryType.Directory) throw Invalid(entry, "the root is not a directory");
            SetAttributes(_tree.Root, entry);
            _tree.ImplicitDirectories.Remove(_tree.Root);
            return null;
        }

        (FileName parentPath, FileName name) = SplitLast(entry.Path);
        if (name.Length > MaxNameLength) throw Invalid(entry, "a name is longer than 255 bytes");
        Inode parent = MakeDirectory(parentPath, entry);
        if (entry.Type == TarEntryType.HardLink) return AddHardLink(entry, parent, name);

        if (entry.Type == TarEntryType.Directory)
        {
            if (!(parent.Entries!.TryGetValue(name, out Inode? directory) && directory.Type == FileType.Directory))
            {
                directory = Inode.NewDirectory();
                Put(parent, name, directory);
            }

            SetAttributes(directory, entry);
            _tree.ImplicitDirectories.Remove(directory);
            return null;
        }

        Inode inode = ToInode(entry);
        Put(parent, name, inode);
        return inode.Type == FileType.Regular ? inode : null;
    }

    private void Count(TarEntry entry)
    {
        CountInode(entry);
        _attributes += entry.LinkTarget.Length;
        foreach (ExtendedAttribute attribute in entry.ExtendedAttributes) _attributes += attribute.Name.Length + attribute.Value.Length;
        if (_attributes > MaxAttributes) throw Invalid(entry, $"the layer has more than {MaxAttributes >> 20} MiB of link targets and extended attributes");
    }

    private void CountInode(TarEntry entry)
    {
        if (++_inodes > _maxInodes) throw Invalid(entry, $"the layer has more than {_maxInodes} files and directories");
    }

    private Inode? AddHardLink(TarEntry entry, Inode parent, FileName name)
    {
        Inode? target = Find(entry.LinkTarget);
        if (target is { Type: FileType.Directory }) throw Invalid(entry, $"hard link to the directory '{entry.LinkTarget}'");
        if (target is not null)
        {
            Put(parent, name, target);
            return null;
        }

        // A link to a link: both mean what the first one names in the layers below.
        (FileName targetParent, FileName targetName) = SplitLast(entry.LinkTarget);
        FileName lower = Find(targetParent) is { } holder && _tree.LowerLinks.TryGetValue((holder, targetName), out FileName path) ? path : entry.LinkTarget;
        parent.Entries!.Remove(name);
        _tree.LowerLinks[(parent, name)] = lower;
        return null;
    }

    private void Put(Inode parent, FileName name, Inode inode)
    {
        parent.Entries![name] = inode;
        _tree.LowerLinks.Remove((parent, name));
    }

    private static Inode ToInode(TarEntry entry)
    {
        var inode = new Inode
        {
            Type = (FileType)entry.Type,
        };
        SetAttributes(inode, entry);
        if (inode.Type == FileType.Regular) inode.Size = entry.Size;
        if (inode.Type == FileType.SymbolicLink)
        {
            if (entry.LinkTarget.IsEmpty) throw Invalid(entry, "a symbolic link without a target");
            if (entry.LinkTarget.Length >= MaxPathLength) throw Invalid(entry, "the link target is longer than 4095 bytes");
            inode.LinkTarget = entry.LinkTarget;
            inode.Size = entry.LinkTarget.Length;
        }

        if (inode.Type is FileType.CharacterDevice or FileType.BlockDevice) inode.Device = entry.Device;
        return inode;
    }

    private static void SetAttributes(Inode inode, TarEntry entry)
    {
        inode.Mode = (ushort)(entry.Mode & 0xFFF);
        inode.UserId = entry.UserId;
        inode.GroupId = entry.GroupId;
        inode.ModificationTime = entry.ModificationTime;
        inode.ExtendedAttributes = OverlayAttributes.Without(entry.ExtendedAttributes);
    }

    /// <summary>The directory at <paramref name="path"/>, made where it is missing; symbolic links on the way are followed inside the layer.</summary>
    private Inode MakeDirectory(FileName path, TarEntry entry)
    {
        var pending = new Stack<FileName>();
        PushComponents(pending, path);
        var trail = new Stack<Inode>();
        Inode current = _tree.Root;
        int followed = 0;
        while (pending.TryPop(out FileName component))
        {
            if (IsParent(component))
            {
                if (trail.TryPop(out Inode? up)) current = up;
                continue;
            }

            if (component.Length > MaxNameLength) throw Invalid(entry, "a name is longer than 255 bytes");
            if (trail.Count >= MaxDepth) throw Invalid(entry, "more than 2048 directories deep");
            if (current.Entries!.TryGetValue(component, out Inode? next))
            {
                if (next.Type == FileType.SymbolicLink)
                {
                    if (++followed > MaxLinksFollowed) throw Invalid(entry, "too many symbolic links on the way to the entry");
                    if (next.LinkTarget.Bytes[0] == (byte)'/')
                    {
                        trail.Clear();
                        current = _tree.Root;
                    }

                    PushComponents(pending, next.LinkTarget);
                    continue;
                }

                if (next.Type == FileType.Directory)
                {
                    trail.Push(current);
                    current = next;
                    continue;
                }
            }

            CountInode(entry);

            // Nothing here, or something that can't hold entries and that a later entry has just contradicted.
            Inode made = Inode.NewDirectory();
            _tree.ImplicitDirectories.Add(made);
            Put(current, component, made);
            trail.Push(current);
            current = made;
        }

        return current;
    }

    private Inode? Find(FileName path) => TreePaths.FindFollowingParents(_tree.Root, path);

    internal static void PushComponents(Stack<FileName> pending, FileName path)
    {
        ReadOnlySpan<byte> rest = path.Bytes;
        while (!rest.IsEmpty)
        {
            int slash = rest.LastIndexOf((byte)'/');
            ReadOnlySpan<byte> component = rest[(slash + 1)..];
            if (!component.IsEmpty && !component.SequenceEqual("."u8)) pending.Push(new FileName(component));
            rest = slash < 0 ? default : rest[..slash];
        }
    }

    internal static bool IsParent(FileName component) => component.Bytes.SequenceEqual(".."u8);

    private static (FileName Parent, FileName Name) SplitLast(FileName path)
    {
        int slash = path.Bytes.LastIndexOf((byte)'/');
        return slash < 0
            ? (default, path)
            : (new FileName(path.Bytes[..slash]), new FileName(path.Bytes[(slash + 1)..]));
    }

    private static InvalidFormatException Invalid(TarEntry entry, string message) => new("tar", $"entry '{entry.Path}': {message}");
}
