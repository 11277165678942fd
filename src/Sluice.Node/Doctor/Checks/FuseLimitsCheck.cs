using Sluice.Node.Doctor.Facts;

namespace Sluice.Node.Doctor.Checks;

/// <summary>Limits of the kernel's FUSE that hurt a server of disks.</summary>
internal sealed class FuseLimitsCheck : ICheck
{
    /// <summary>Requests of 1 MiB.</summary>
    private const long WantedPages = 256;

    public IEnumerable<Finding> Judge(NodeFacts node)
    {
        foreach (string name in (string[])["default_request_timeout", "max_request_timeout"])
        {
            if (node.Files.Number($"/proc/sys/fs/fuse/{name}") is > 0 and var seconds)
            {
                yield return new Finding(
                    "fuse-request-timeout", Severity.Error, $"fs.fuse.{name}", $"is {seconds}: a registry that is silent for so long has the kernel abort all mounts at once. Sluice has deadlines of its own",
                    $"sysctl -w fs.fuse.{name}=0 && echo fs.fuse.{name}=0 > /etc/sysctl.d/50-sluice-{name.Replace('_', '-')}.conf");
            }
        }

        if (node.Files.Number("/proc/sys/fs/fuse/max_pages_limit") is < WantedPages and var pages)
            yield return new Finding("fuse-max-pages", Severity.Warning, "fs.fuse.max_pages_limit", $"is {pages}: large reads are cut to {pages * 4} KiB", $"sysctl -w fs.fuse.max_pages_limit={WantedPages} && echo fs.fuse.max_pages_limit={WantedPages} > /etc/sysctl.d/50-sluice-max-pages.conf");
    }
}
