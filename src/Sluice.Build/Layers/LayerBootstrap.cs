using Sluice.Formats.Trees;

namespace Sluice.Build.Layers;

/// <summary>
/// Keeps a <see cref="LayerTree"/> whole inside a layer's own bootstrap, so that a later conversion can take the layer as it is.
/// What a plain tree can't say goes into attributes of overlayfs's namespace, which never reach a merged image:
/// <c>trusted.overlay.sluice.implicit</c> marks a directory without a tar entry, <c>trusted.overlay.sluice.link</c> holds the
/// target path of a hard link into a lower layer.
/// </summary>
internal static class LayerBootstrap
{
    private static readonly ExtendedAttribute Implicit = new(new FileName("trusted.overlay.sluice.implicit"), []);
    private static readonly FileName Link = new("trusted.overlay.sluice.link");

    /// <summary>Marks the tree while <paramref name="write"/> runs.</summary>
    public static byte[] Write(LayerTree tree, Func<Inode, byte[]> write)
    {
        foreach (Inode directory in tree.ImplicitDirectories) directory.ExtendedAttributes = [Implicit];
        foreach (((Inode directory, FileName name), FileName path) in tree.LowerLinks)
        {
            directory.Entries![name] = new Inode { Type = FileType.Regular, ExtendedAttributes = [new ExtendedAttribute(Link, path.Bytes.ToArray())] };
        }

        try
        {
            return write(tree.Root);
        }
        finally
        {
            foreach (Inode directory in tree.ImplicitDirectories) directory.ExtendedAttributes = [];
            foreach ((Inode directory, FileName name) in tree.LowerLinks.Keys) directory.Entries!.Remove(name);
        }
    }

    /// <summary>The layer that <see cref="Write"/> was given. Takes the tree over.</summary>
    public static LayerTree Read(Inode root)
    {
        var tree = new LayerTree { Root = root };
        var pending = new Stack<Inode>([root]);
        while (pending.TryPop(out Inode? directory))
        {
            if (directory.ExtendedAttributes.Any(a => a.Name == Implicit.Name))
            {
                directory.ExtendedAttributes = [];
                tree.ImplicitDirectories.Add(directory);
            }

            foreach ((FileName name, Inode inode) in directory.Entries!.ToArray())
            {
                if (inode.Type == FileType.Directory) pending.Push(inode);
                else if (inode.ExtendedAttributes.FirstOrDefault(a => a.Name == Link) is { Value: { } path })
                {
                    directory.Entries!.Remove(name);
                    tree.LowerLinks[(directory, name)] = new FileName(path);
                }
            }
        }

        return tree;
    }
}
