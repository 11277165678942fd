using Sluice.Build.Layers;
using Sluice.Formats.Ext4;
using Sluice.Formats.Trees;

namespace Sluice.Build.OverlayBd;

/// <summary>Looks paths up in an ext4 file system the way the kernel would with it as its root; <see cref="TreePaths"/> over inode numbers.</summary>
internal static class Ext4Paths
{
    private const int MaxLinksFollowed = 40;

    /// <summary>The inode at <paramref name="path"/>; symbolic links are followed in all components but the last. Null if there is none.</summary>
    public static uint? FindFollowingParents(Ext4FileSystem fileSystem, FileName path) => Find(fileSystem, path, followLast: false, []);

    /// <summary>The directory at <paramref name="path"/>, all links followed; null if there is none or it is something else.</summary>
    /// <param name="trail">Directories from the root to where a relative path starts.</param>
    public static uint? FindDirectory(Ext4FileSystem fileSystem, Stack<uint> trail, FileName path) =>
        Find(fileSystem, path, followLast: true, trail) is { } inode && fileSystem.TypeOf(inode) == FileType.Directory ? inode : null;

    private static uint? Find(Ext4FileSystem fileSystem, FileName path, bool followLast, Stack<uint> start)
    {
        var pending = new Stack<FileName>();
        LayerTreeBuilder.PushComponents(pending, path);
        var trail = new Stack<uint>(start.Reverse());
        if (path.Length > 0 && path.Bytes[0] == (byte)'/') trail.Clear();
        uint current = trail.TryPop(out uint here) ? here : Ext4FileSystem.Root;
        int followed = 0;
        while (pending.TryPop(out FileName component))
        {
            if (fileSystem.TypeOf(current) != FileType.Directory) return null;
            if (LayerTreeBuilder.IsParent(component))
            {
                if (trail.TryPop(out uint up)) current = up;
                continue;
            }

            if (!fileSystem.TryFind(current, component, out uint next)) return null;
            if ((followLast || pending.Count > 0) && fileSystem.TypeOf(next) == FileType.SymbolicLink)
            {
                if (++followed > MaxLinksFollowed) return null;
                FileName target = fileSystem.ReadLink(next);
                if (target.Bytes[0] == (byte)'/')
                {
                    trail.Clear();
                    current = Ext4FileSystem.Root;
                }

                LayerTreeBuilder.PushComponents(pending, target);
                continue;
            }

            trail.Push(current);
            current = next;
        }

        return current;
    }
}
