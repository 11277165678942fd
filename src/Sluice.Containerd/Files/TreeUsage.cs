namespace Sluice.Containerd.Files;

/// <summary>Disk usage of a tree: every inode once, however many names it has.</summary>
internal static class TreeUsage
{
    /// <summary>Each level keeps a descriptor open. A deeper tree is an attack on them; what lies below is not counted.</summary>
    private const int MaxDepth = 512;

    /// <summary>Allocated bytes and inodes at and below <paramref name="root"/>; files that vanish meanwhile don't count.</summary>
    public static (long Size, long Inodes) Measure(string root, CancellationToken cancellation)
    {
        HashSet<(ulong, ulong)> seen = [];
        long blocks = 0;
        if (!FileStatus.TryRead(root, out FileStatus status)) return (0, 0);
        Count(status);
        using (DirectoryHandle? directory = DirectoryHandle.TryOpen(root))
        {
            if (directory is not null) Walk(directory, 1);
        }

        return (blocks * 512, seen.Count);

        void Count(FileStatus file)
        {
            if (seen.Add((file.Device, file.Inode))) blocks += file.Blocks;
        }

        void Walk(DirectoryHandle directory, int depth)
        {
            foreach ((byte[] name, _) in directory.ReadEntries())
            {
                cancellation.ThrowIfCancellationRequested();
                if (!FileStatus.TryRead(directory, name, out FileStatus file)) continue;
                Count(file);
                if (!file.IsDirectory || depth == MaxDepth) continue;
                using DirectoryHandle? child = directory.TryOpen(name);
                if (child is not null) Walk(child, depth + 1);
            }
        }
    }
}
