using Sluice.Kernel.Mounts;
using Sluice.Node.Doctor.Facts;

namespace Sluice.Node.Doctor.Checks;

/// <summary>The root is on a local disk, which takes sparse files, sparse overlays and mounts from files.</summary>
internal sealed class RootFileSystemCheck : ICheck
{
    private static readonly string[] Stacked = ["overlay", "tmpfs", "ramfs", "aufs"];
    private static readonly string[] Remote = ["nfs", "nfs4", "cifs", "smb3", "9p", "ceph", "virtiofs"];
    private static readonly string[] Good = ["ext4", "xfs", "btrfs"];

    /// <summary>True if the kernel would not mount files from there.</summary>
    public static bool IsStacked(NodeFacts node) => node.MountOf(node.Options.Root) is { } mount && Stacked.Contains(mount.Type);

    public IEnumerable<Finding> Judge(NodeFacts node)
    {
        string root = node.Options.Root;
        if (node.MountOf(root) is not { } mount) yield break;
        if (Stacked.Contains(mount.Type) || Remote.Contains(mount.Type) || mount.Type.StartsWith("fuse", StringComparison.Ordinal))
        {
            string why = mount.Type is "tmpfs" or "ramfs" ? "the cache takes memory and is lost at a restart" : Stacked.Contains(mount.Type) ? "containers' upper directories and EROFS can't stand on it" : "locks, holes and mounts of files don't work on it as they must";
            yield return new Finding("root-file-system", Severity.Error, root, $"is on {mount.Type}: {why}", $"mkdir -p {Better(node)} {root} && mount --bind {Better(node)} {root} && {Mend.Restart(node)}");
        }
        else if (mount.IsReadOnly)
        {
            yield return new Finding("root-read-only", Severity.Error, root, $"{mount.MountPoint} is mounted read-only: nothing can be cached or stored", $"mount -o remount,rw {mount.MountPoint}");
        }
    }

    private static string Better(NodeFacts node) =>
        node.Mounts.FirstOrDefault(mount => Good.Contains(mount.Type) && mount is { IsReadOnly: false, Root: "/" }) is { } disk ? Path.Combine(disk.MountPoint, "sluice-root") : "/mnt/DISK/sluice-root";
}
