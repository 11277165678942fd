using Sluice.Node.Configuration;
using Sluice.Node.Doctor.Facts;

namespace Sluice.Node.Doctor.Checks;

/// <summary>EROFS from files. A root that the kernel could not mount files of anyway is another finding.</summary>
internal sealed class ErofsFilesCheck : ICheck
{
    public IEnumerable<Finding> Judge(NodeFacts node)
    {
        bool isWanted = node.Options.MountMode == MountMode.File;
        if (node.ErofsFromFiles is not false || node.Options.MountMode == MountMode.Loop || RootFileSystemCheck.IsStacked(node)) yield break;
        if ((node.Files.Text("/proc/filesystems") ?? "").Contains("\terofs", StringComparison.Ordinal) is false) yield break;
        yield return new Finding(
            "erofs-from-files", isWanted ? Severity.Error : Severity.Note, $"Linux {node.KernelVersion}",
            isWanted ? "can't mount EROFS from files, which mount.mode: file asks for: the daemon does not start" : "can't mount EROFS from files: RAFS images go through loop devices, as one disk each",
            isWanted ? $"sed -i 's/mode: file/mode: auto/' {node.ConfigurationPath} && systemctl restart sluice" : "# boot Linux 6.12 or later with CONFIG_EROFS_FS_BACKED_BY_FILE");
    }
}
