using Sluice.Formats.Trees;

namespace Sluice.Build.Layers;

/// <summary>
/// Lays layers one over the other, as the OCI image specification says (layer.md, "Applying Changesets"): whiteouts and opaque
/// marks touch lower layers only, whatever their place in the tar, and never show up themselves.
/// </summary>
public sealed class TreeMerger
{
    /// <summary>The image so far. The merger owns it; inodes of applied layers become part of it.</summary>
    public Inode Root { get; private set; } = Inode.NewDirectory();

    /// <summary>Puts <paramref name="layer"/> on top. The layer's tree must not be used afterwards.</summary>
    /// <returns>Paths that hard links of the layer name and that exist nowhere; these links are left out.</returns>
    public IReadOnlyList<FileName> Apply(LayerTree layer)
    {
        // Links to lower files are looked up before this layer hides or replaces anything.
        var dangling = new List<FileName>();
        foreach (((Inode directory, FileName name), FileName path) in layer.LowerLinks)
        {
            Inode? target = TreePaths.FindFollowingParents(Root, path);
            if (target is null || target.Type == FileType.Directory) dangling.Add(path);
            else directory.Entries![name] = target;
        }

        Merge(Root, layer.Root, layer, new Stack<Inode>());
        return dangling;
    }

    private void Merge(Inode lower, Inode upper, LayerTree layer, Stack<Inode> trail)
    {
        bool isImplicit = layer.ImplicitDirectories.Contains(upper);
        if (!isImplicit) CopyAttributes(upper, lower);
        SortedDictionary<FileName, Inode> target = lower.Entries!;
        if (LayerMarks.IsOpaque(upper)) target.Clear();
        foreach (FileName name in LayerMarks.Whiteouts(upper)) target.Remove(name);
        trail.Push(lower);
        foreach ((FileName name, Inode inode) in upper.Entries!)
        {
            if (LayerMarks.IsMark(name.Bytes)) continue;
            if (inode.Type != FileType.Directory)
            {
                target[name] = inode;
                continue;
            }

            Merge(DirectoryFor(target, name, inode, layer, trail), inode, layer, trail);
        }

        trail.Pop();
    }

    /// <summary>The lower directory that the upper directory <paramref name="inode"/> goes into: the one there is, the one that a link leads to, or a new one.</summary>
    private Inode DirectoryFor(SortedDictionary<FileName, Inode> target, FileName name, Inode inode, LayerTree layer, Stack<Inode> trail)
    {
        if (target.TryGetValue(name, out Inode? existing))
        {
            if (existing.Type == FileType.Directory) return existing;
            if (existing.Type == FileType.SymbolicLink && layer.ImplicitDirectories.Contains(inode)
                && TreePaths.FindDirectory(Root, trail, existing.LinkTarget) is { } linked)
            {
                return linked;
            }
        }

        Inode made = Inode.NewDirectory();
        CopyAttributes(inode, made);
        target[name] = made;
        return made;
    }

    private static void CopyAttributes(Inode from, Inode to)
    {
        to.Mode = from.Mode;
        to.UserId = from.UserId;
        to.GroupId = from.GroupId;
        to.ModificationTime = from.ModificationTime;
        to.ExtendedAttributes = from.ExtendedAttributes;
    }
}
