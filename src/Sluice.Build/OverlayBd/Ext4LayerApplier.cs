using Sluice.Build.Layers;
using Sluice.Formats;
using Sluice.Formats.Ext4;
using Sluice.Formats.Tar;
using Sluice.Formats.Trees;

namespace Sluice.Build.OverlayBd;

/// <summary>
/// Applies OCI layers to an ext4 file system, with the rules of <see cref="LayerTreeBuilder"/> and <see cref="TreeMerger"/>: the
/// tree that results is the one that containerd would unpack. Content goes to the device as it comes; names and inodes follow
/// when the layer is complete, because whiteouts touch lower layers only, wherever they stand.
/// </summary>
/// <remarks>For one layer: <see cref="Add"/> for each entry, then <see cref="Finish"/>. After an exception the file system is lost.</remarks>
public sealed class Ext4LayerApplier(Ext4FileSystem fileSystem)
{
    private readonly LayerTreeBuilder _builder = new();
    private readonly Dictionary<Inode, Ext4Content> _contents = new(ReferenceEqualityComparer.Instance);
    private readonly Dictionary<Inode, uint> _inodes = new(ReferenceEqualityComparer.Instance);
    private readonly Stack<uint> _trail = new();
    private TarContent? _content;
    private TarReader? _tar;

    /// <summary>Adds an entry; the reader stands at its content, which is read if it is needed.</summary>
    /// <exception cref="InvalidFormatException">The entry can't be placed.</exception>
    /// <exception cref="Ext4FullException">The content doesn't fit.</exception>
    public void Add(TarReader tar, TarEntry entry)
    {
        Inode? file = _builder.Add(entry);
        if (file is not { Size: > 0 } || LayerMarks.IsMark(LastComponent(entry.Path))) return;
        if (_tar != tar) (_tar, _content) = (tar, new TarContent(tar));
        _contents.Add(file, fileSystem.WriteContent(entry.Size, entry.SparseMap, _content!));
    }

    /// <summary>Brings the layer's names into the file system and flushes it.</summary>
    /// <returns>Paths that hard links of the layer name and that exist nowhere; these links are left out.</returns>
    /// <exception cref="Ext4FullException">Blocks or inodes are used up, a file has too many names or attributes.</exception>
    public IReadOnlyList<FileName> Finish()
    {
        LayerTree layer = _builder.Tree;
        IReadOnlyList<FileName> dangling = FindLowerLinks(layer);
        Merge(Ext4FileSystem.Root, layer.Root, layer, isNew: false);

        // What later entries of the same layer replaced.
        foreach ((Inode file, Ext4Content content) in _contents)
        {
            if (!_inodes.ContainsKey(file)) fileSystem.Discard(content);
        }

        fileSystem.Flush();
        return dangling;
    }

    /// <summary>Links to lower files are looked up before this layer hides or replaces anything; the files stay until the flush.</summary>
    private List<FileName> FindLowerLinks(LayerTree layer)
    {
        var dangling = new List<FileName>();
        foreach (((Inode directory, FileName name), FileName path) in layer.LowerLinks)
        {
            uint? target = Ext4Paths.FindFollowingParents(fileSystem, path);
            if (target is not { } inode || fileSystem.TypeOf(inode) == FileType.Directory)
            {
                dangling.Add(path);
                continue;
            }

            var link = new Inode { Type = fileSystem.TypeOf(inode) };
            _inodes.Add(link, inode);
            directory.Entries![name] = link;
        }

        return dangling;
    }

    /// <remarks>
    /// Links can lead from within a directory to its own parents, and entries there may replace it: what is removed stays usable
    /// until the flush, and what is still put into it goes with it.
    /// </remarks>
    /// <param name="isNew">The lower directory has just been made: nothing to remove, and its attributes are right.</param>
    private void Merge(uint lower, Inode upper, LayerTree layer, bool isNew)
    {
        if (!isNew)
        {
            if (!layer.ImplicitDirectories.Contains(upper)) fileSystem.SetAttributes(lower, upper);
            if (LayerMarks.IsOpaque(upper)) fileSystem.RemoveAll(lower);
            foreach (FileName name in LayerMarks.Whiteouts(upper)) fileSystem.Remove(lower, name);
        }

        _trail.Push(lower);
        foreach ((FileName name, Inode inode) in upper.Entries!)
        {
            if (LayerMarks.IsMark(name.Bytes)) continue;
            if (inode.Type == FileType.Directory)
            {
                uint directory = DirectoryFor(lower, name, inode, layer, isNew, out bool made);
                Merge(directory, inode, layer, made);
            }
            else
            {
                if (!isNew) fileSystem.Remove(lower, name);
                fileSystem.Link(lower, name, InodeFor(inode));
            }
        }

        _trail.Pop();
    }

    private uint InodeFor(Inode file)
    {
        if (_inodes.TryGetValue(file, out uint inode)) return inode;
        inode = fileSystem.Create(file, _contents.GetValueOrDefault(file));
        _inodes.Add(file, inode);
        return inode;
    }

    /// <summary>The directory that an upper directory goes into: the one there is, the one that a link leads to, or a new one.</summary>
    private uint DirectoryFor(uint parent, FileName name, Inode upper, LayerTree layer, bool parentIsNew, out bool made)
    {
        made = false;
        if (!parentIsNew && fileSystem.TryFind(parent, name, out uint existing))
        {
            FileType type = fileSystem.TypeOf(existing);
            if (type == FileType.Directory) return existing;
            if (type == FileType.SymbolicLink && layer.ImplicitDirectories.Contains(upper)
                && Ext4Paths.FindDirectory(fileSystem, _trail, fileSystem.ReadLink(existing)) is { } linked)
            {
                return linked;
            }

            fileSystem.Remove(parent, name);
        }

        made = true;
        return fileSystem.CreateDirectory(parent, name, upper);
    }

    private static ReadOnlySpan<byte> LastComponent(FileName path) => path.Bytes[(path.Bytes.LastIndexOf((byte)'/') + 1)..];
}
