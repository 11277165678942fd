using Sluice.Node.Doctor.Facts;

namespace Sluice.Node.Doctor.Checks;

internal sealed class MountLimitCheck : ICheck
{
    public IEnumerable<Finding> Judge(NodeFacts node)
    {
        if (node.Files.Number("/proc/sys/fs/mount-max") is not { } most || node.Mounts.Count < most * 4 / 5) yield break;
        yield return new Finding("mount-limit", Severity.Warning, "fs.mount-max", $"is {most}, and {node.Mounts.Count} are in use: mounts of images and containers will be refused", "sysctl -w fs.mount-max=100000 && echo fs.mount-max=100000 > /etc/sysctl.d/50-sluice-mounts.conf");
    }
}
