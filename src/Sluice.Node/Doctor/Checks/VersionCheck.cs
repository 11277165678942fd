using Sluice.Node.Doctor.Facts;

namespace Sluice.Node.Doctor.Checks;

internal sealed class VersionCheck : ICheck
{
    public IEnumerable<Finding> Judge(NodeFacts node)
    {
        if (node.Daemon?.Version is { } version && version != node.OwnVersion)
            yield return new Finding("version-skew", Severity.Warning, "sluice daemon", $"has version {version}, this command {node.OwnVersion}", Mend.Restart(node));
        else if (node.Daemons.FirstOrDefault(daemon => node.Files.Link($"/proc/{daemon.Id}/exe")?.EndsWith(" (deleted)", StringComparison.Ordinal) == true) is { } old)
            yield return new Finding("version-skew", Severity.Warning, $"process {old.Id}", "is a daemon whose program was replaced on the disk: it runs the version before", Mend.Restart(node));
    }
}
