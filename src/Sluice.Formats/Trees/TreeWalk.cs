namespace Sluice.Formats.Trees;

/// <summary>A name in a tree: absolute path as bytes (<c>/</c> for the root) and what it leads to.</summary>
public readonly record struct TreeEntry(FileName Path, Inode Inode, int Depth);

/// <summary>
/// Walks and looks into inode trees without recursion, so depth costs heap, not stack. Paths are absolute, their separator is
/// <c>/</c>, and nothing follows symbolic links.
/// </summary>
public static class TreeWalk
{
    /// <summary>
    /// The deepest tree that image readers and writers accept: a path that Linux can name has at most PATH_MAX / 2 components.
    /// </summary>
    public const int MaxDepth = 2048;

    /// <summary>
    /// Every name, depth-first: a directory before its entries, entries in bytewise order. The root comes first, as <c>/</c>
    /// with depth 0. An inode with several names comes once per name. Making paths costs their length; a walk that needs none
    /// can use <see cref="Inodes"/>.
    /// </summary>
    public static IEnumerable<TreeEntry> DepthFirst(Inode root)
    {
        yield return new TreeEntry(new FileName("/"), root, 0);
        var open = new Stack<(FileName Path, IEnumerator<KeyValuePair<FileName, Inode>> Entries)>();
        if (root.Entries is not null) open.Push((default, root.Entries.GetEnumerator()));
        while (open.TryPeek(out var directory))
        {
            if (!directory.Entries.MoveNext())
            {
                directory.Entries.Dispose();
                open.Pop();
                continue;
            }

            (FileName name, Inode inode) = directory.Entries.Current;
            FileName path = Join(directory.Path, name);
            yield return new TreeEntry(path, inode, open.Count);
            if (inode.Entries is not null) open.Push((path, inode.Entries.GetEnumerator()));
        }
    }

    /// <summary>Every distinct inode once, breadth-first, the root first.</summary>
    public static IEnumerable<Inode> Inodes(Inode root)
    {
        var seen = new HashSet<Inode>(ReferenceEqualityComparer.Instance) { root };
        var pending = new Queue<Inode>([root]);
        while (pending.TryDequeue(out Inode? inode))
        {
            yield return inode;
            if (inode.Entries is null) continue;
            foreach (Inode child in inode.Entries.Values)
            {
                if (seen.Add(child)) pending.Enqueue(child);
            }
        }
    }

    /// <summary>
    /// The inode at <paramref name="path"/>, or null. Leading, trailing and doubled separators do not matter; <c>.</c> and
    /// <c>..</c> are ordinary names here, which no directory holds.
    /// </summary>
    public static Inode? Find(Inode root, FileName path)
    {
        Inode? inode = root;
        ReadOnlySpan<byte> rest = path.Bytes;
        while (!(rest = rest.TrimStart((byte)'/')).IsEmpty)
        {
            int end = rest.IndexOf((byte)'/');
            ReadOnlySpan<byte> name = end < 0 ? rest : rest[..end];
            if (inode.Entries is null || !inode.Entries.TryGetValue(new FileName(name), out inode)) return null;
            rest = rest[name.Length..];
        }

        return inode;
    }

    /// <summary><c>st_nlink</c> of every inode: directories 2 plus their subdirectories, others the number of their names.</summary>
    public static IReadOnlyDictionary<Inode, uint> CountLinks(Inode root)
    {
        var links = new Dictionary<Inode, uint>(ReferenceEqualityComparer.Instance);
        foreach (Inode directory in Inodes(root).Where(inode => inode.Entries is not null))
        {
            uint subdirectories = 0;
            foreach (Inode child in directory.Entries!.Values)
            {
                if (child.Entries is null) links[child] = links.GetValueOrDefault(child) + 1;
                else subdirectories++;
            }

            links[directory] = 2 + subdirectories;
        }

        return links;
    }

    /// <summary><c>directory/name</c>; the root's path is <c>/</c> or empty.</summary>
    public static FileName Join(FileName directory, FileName name)
    {
        ReadOnlySpan<byte> parent = directory.Bytes.TrimEnd((byte)'/');
        byte[] path = new byte[parent.Length + 1 + name.Length];
        parent.CopyTo(path);
        path[parent.Length] = (byte)'/';
        name.Bytes.CopyTo(path.AsSpan(parent.Length + 1));
        return new FileName(path);
    }
}
