using Sluice.Formats.Trees;

namespace Sluice.Build.Layers;

/// <summary>Looks names up in a tree the way the kernel would with that tree as its root.</summary>
internal static class TreePaths
{
    private const int MaxLinksFollowed = 40;

    /// <summary>The inode at <paramref name="path"/>; symbolic links are followed in all components but the last. Null if there is none.</summary>
    public static Inode? FindFollowingParents(Inode root, FileName path) => Find(root, path, followLast: false);

    /// <summary>The inode at <paramref name="path"/>, all symbolic links followed. Null if there is none, or if links go in a circle.</summary>
    public static Inode? FindFollowing(Inode root, FileName path) => Find(root, path, followLast: true);

    /// <summary>The directory at <paramref name="path"/>, all symbolic links followed; null if there is none or it is something else.</summary>
    public static Inode? FindDirectory(Inode root, Stack<Inode> trail, FileName path) =>
        Find(root, path, followLast: true, trail) is { Type: FileType.Directory } directory ? directory : null;

    /// <param name="start">Directories from the root to where a relative path starts (the last one on top); empty for the root.</param>
    private static Inode? Find(Inode root, FileName path, bool followLast, Stack<Inode>? start = null)
    {
        var pending = new Stack<FileName>();
        LayerTreeBuilder.PushComponents(pending, path);
        Stack<Inode> trail = start is null ? new() : new(start.Reverse());
        if (path.Length > 0 && path.Bytes[0] == (byte)'/') trail.Clear();
        Inode current = trail.TryPop(out Inode? here) ? here : root;
        int followed = 0;
        while (pending.TryPop(out FileName component))
        {
            if (current.Type != FileType.Directory) return null;
            if (LayerTreeBuilder.IsParent(component))
            {
                if (trail.TryPop(out Inode? up)) current = up;
                continue;
            }

            if (!current.Entries!.TryGetValue(component, out Inode? next)) return null;
            if (next.Type == FileType.SymbolicLink && (followLast || pending.Count > 0))
            {
                if (++followed > MaxLinksFollowed) return null;
                if (next.LinkTarget.Bytes[0] == (byte)'/')
                {
                    trail.Clear();
                    current = root;
                }

                LayerTreeBuilder.PushComponents(pending, next.LinkTarget);
                continue;
            }

            trail.Push(current);
            current = next;
        }

        return current;
    }
}
