using Sluice.Containerd.Snapshots.Lazy;
using Sluice.Node.Doctor.Facts;

namespace Sluice.Node.Doctor.Checks;

/// <summary>A writable disk whose file system was not unmounted is checked before it is mounted again.</summary>
internal sealed class ToolsCheck : ICheck
{
    private static readonly string[] Places = ["/usr/sbin", "/sbin", "/usr/bin", "/bin", "/usr/local/sbin"];

    public IEnumerable<Finding> Judge(NodeFacts node)
    {
        if (node.Options.WriteMode == WriteMode.Overlay || Places.Any(place => node.Files.Exists($"{place}/e2fsck"))) yield break;
        yield return new Finding("e2fsck-missing", Severity.Warning, "e2fsck", $"is not installed, and writable.mode is {(node.Options.WriteMode == WriteMode.Device ? "dev" : "dir")}: disks of containers can't be mended after a kill or a power cut", "apt-get install -y e2fsprogs");
    }
}
