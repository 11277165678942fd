using Sluice.Kernel.Mounts;
using Sluice.Node.Doctor.Facts;
using Sluice.Node.Succession;

namespace Sluice.Node.Doctor.Checks;

/// <summary>Mounts that nobody serves. Local ones need nobody.</summary>
internal sealed class MountsCheck : ICheck
{
    public IEnumerable<Finding> Judge(NodeFacts node)
    {
        foreach (MountEntry mount in node.Mounts)
        {
            if (!node.Servers.TryGetValue(mount.Id, out ServerHealth health)) continue;
            yield return health == ServerHealth.Dead
                ? new Finding("mount-dead", Severity.Error, mount.MountPoint, "the process that served this FUSE mount has gone: everything on it fails with \"Transport endpoint is not connected\"", $"umount -l {mount.MountPoint}")
                : new Finding("mount-silent", Severity.Error, mount.MountPoint, "the process that serves this FUSE mount does not answer: whoever touches it waits", $"echo 1 > /sys/fs/fuse/connections/{mount.Minor}/abort; umount -l {mount.MountPoint}");
        }

        if (node.Daemon is not null || node.KeeperRuns || node.Daemons.Count > 0) yield break;
        string images = Path.TrimEndingDirectorySeparator(node.Options.MountsDirectory) + "/";
        MountRecord[] local = ListLocal(node);
        foreach (MountEntry mount in node.Mounts.Where(mount => mount.MountPoint.StartsWith(images, StringComparison.Ordinal) && !local.Any(record => record.Target == mount.MountPoint && record.Mount!.Is(mount))))
            yield return new Finding("mount-left-over", Severity.Error, mount.MountPoint, "is the image mount of a daemon that has gone: what was not read yet can't be read; the next daemon makes it anew, and containers on it must be started again", $"umount -l {mount.MountPoint}");
    }

    /// <summary>The mounts that need nobody to serve them.</summary>
    private static MountRecord[] ListLocal(NodeFacts node)
    {
        string directory = node.Options.DescriptionDirectory;
        IEnumerable<MountRecord?> records = node.Files.Names(directory).Select(name => MountDescription.TryRead(node.Files.Text(Path.Combine(directory, name)) ?? ""));
        return [.. records.OfType<MountRecord>().Where(record => record is { IsLocal: true, Mount: not null })];
    }
}
