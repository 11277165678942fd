using Sluice.Node.Doctor.Facts;

namespace Sluice.Node.Doctor.Checks;

/// <summary><c>/dev/fuse</c>. Without the kernel's FUSE that is the finding.</summary>
internal sealed class DeviceFilesCheck : ICheck
{
    private const string Device = "/dev/fuse";
    private const UnixFileMode Owner = UnixFileMode.UserRead | UnixFileMode.UserWrite;

    public IEnumerable<Finding> Judge(NodeFacts node)
    {
        if (!(node.Files.Text("/proc/filesystems") ?? "").Contains("\tfuse\n", StringComparison.Ordinal)) yield break;
        if (!node.Files.Exists(Device))
        {
            yield return new Finding("dev-fuse-missing", Severity.Error, Device, "is missing: the daemon can't serve disks; in a container it must be given with --device /dev/fuse", "mknod -m 666 /dev/fuse c 10 229");
            yield break;
        }

        if (node.Files.Mode(Device) is { } mode && (mode & Owner) != Owner)
            yield return new Finding("dev-fuse-mode", Severity.Warning, Device, $"its owner may not read and write it (mode {Convert.ToString((int)mode, 8)}): a daemon without CAP_DAC_OVERRIDE can't open it", "chmod 666 /dev/fuse");
        else if (node.IsRoot && node.Files.OpenError(Device) is { } error)
            yield return new Finding("dev-fuse-unusable", Severity.Error, Device, $"can't be opened: {error}", node.Files.IsDirectory(Device) ? "rmdir /dev/fuse && mknod -m 666 /dev/fuse c 10 229" : "# let the container use it: --device /dev/fuse, or DeviceAllow=/dev/fuse rw in the unit");
    }
}
