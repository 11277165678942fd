using Sluice.Node.Doctor.Facts;

namespace Sluice.Node.Doctor.Checks;

/// <summary>Somebody holds the kernel's connections when the daemon dies: a keeper, or the service manager.</summary>
internal sealed class KeeperCheck : ICheck
{
    public IEnumerable<Finding> Judge(NodeFacts node)
    {
        if (node.Daemon is null || node.KeeperRuns || UnitFile.Read(node.Files, "sluice.service")?["FileDescriptorStoreMax"] is not (null or "0")) yield break;
        bool hasUnit = UnitFile.Read(node.Files, "sluice-keeper.service") is not null;
        yield return new Finding(
            "keeper-missing", Severity.Warning, node.Options.State, "no keeper holds the kernel's connections: when the daemon dies, running containers get errors for good",
            hasUnit ? "systemctl enable --now sluice-keeper && systemctl restart sluice" : $"setsid sluice keeper --state {node.Options.State} & {Mend.Restart(node)}");
    }
}
