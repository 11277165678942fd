using Sluice.Node.Doctor.Facts;

namespace Sluice.Node.Doctor.Checks;

/// <summary>File systems and loop devices.</summary>
internal sealed class KernelModulesCheck : ICheck
{
    private static readonly (string Module, string Type, string Id, string Option, string Consequence)[] FileSystems =
    [
        ("fuse", "fuse", "fuse-missing", "CONFIG_FUSE_FS", "the daemon can't serve disks"),
        ("erofs", "erofs", "erofs-missing", "CONFIG_EROFS_FS", "RAFS images can't be mounted"),
        ("overlay", "overlay", "overlay-missing", "CONFIG_OVERLAY_FS", "containers can't write"),
    ];

    public IEnumerable<Finding> Judge(NodeFacts node)
    {
        string[] known = [.. (node.Files.Text("/proc/filesystems") ?? "").Split('\n').Select(line => line.Split('\t')[^1].Trim())];
        foreach ((string module, string type, string id, string option, string consequence) in FileSystems)
        {
            if (!known.Contains(type)) yield return Missing(node, module, id, option, consequence);
        }

        if (!node.Files.Exists("/dev/loop-control")) yield return Missing(node, "loop", "loop-missing", "CONFIG_BLK_DEV_LOOP", "block images can't be mounted");
    }

    private static Finding Missing(NodeFacts node, string module, string id, string option, string consequence)
    {
        string release = (node.Files.Text("/proc/sys/kernel/osrelease") ?? "").Trim();
        bool loadable = (node.Files.Text($"/lib/modules/{release}/modules.dep") ?? "").Contains($"/{module}.ko", StringComparison.Ordinal);
        string subject = module == "loop" ? "/dev/loop-control" : "/proc/filesystems";
        return loadable
            ? new Finding(id, Severity.Error, subject, $"the kernel module {module} is not loaded: {consequence}", $"modprobe {module} && echo {module} > /etc/modules-load.d/{module}.conf")
            : new Finding(id, Severity.Error, subject, $"Linux {release} has no {module}: {consequence}", $"# boot a kernel with {option}, or give it to this container: modprobe {module} on the host");
    }
}
