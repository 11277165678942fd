using Sluice.Formats.Trees;

namespace Sluice.Build.Convert;

/// <summary>Copies trees, hard links and all.</summary>
internal static class TreeCopy
{
    /// <summary>A copy of <paramref name="root"/> in which every chunk reference went through <paramref name="map"/>.</summary>
    public static Inode Map(Inode root, Func<ChunkReference, ChunkReference> map)
    {
        var copies = new Dictionary<Inode, Inode>(ReferenceEqualityComparer.Instance);
        Inode copied = Copy(root, map);
        var pending = new Stack<(Inode From, Inode To)>([(root, copied)]);
        while (pending.TryPop(out (Inode From, Inode To) directory))
        {
            foreach ((FileName name, Inode inode) in directory.From.Entries!)
            {
                if (!copies.TryGetValue(inode, out Inode? copy))
                {
                    copy = copies[inode] = Copy(inode, map);
                    if (inode.Type == FileType.Directory) pending.Push((inode, copy));
                }

                directory.To.Entries![name] = copy;
            }
        }

        return copied;
    }

    private static Inode Copy(Inode inode, Func<ChunkReference, ChunkReference> map) => new()
    {
        Type = inode.Type,
        Mode = inode.Mode,
        UserId = inode.UserId,
        GroupId = inode.GroupId,
        ModificationTime = inode.ModificationTime,
        Size = inode.Size,
        Device = inode.Device,
        LinkTarget = inode.LinkTarget,
        ExtendedAttributes = inode.ExtendedAttributes,
        Chunks = inode.Chunks.Count == 0 ? [] : [.. inode.Chunks.Select(map)],
        Entries = inode.Type == FileType.Directory ? [] : null,
    };
}
