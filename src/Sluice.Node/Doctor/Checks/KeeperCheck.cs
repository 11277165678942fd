using Sluice.Node.Configuration;
using Sluice.Node.Doctor.Facts;

namespace Sluice.Node.Doctor.Checks;

/// <summary>A keeper holds the kernel's connections when the daemon dies.</summary>
internal sealed class KeeperCheck : ICheck
{
    public IEnumerable<Finding> Judge(NodeFacts node)
    {
        if (node.Options.Keeper == KeeperKind.None)
        {
            yield return new Finding(
                "keeper-none", Severity.Warning, node.ConfigurationPath, "has keeper: none: when the daemon ends or dies, running containers get errors for good, and `sluice upgrade` is refused",
                $"sed -i 's/^keeper:.*/keeper: process/' {node.ConfigurationPath} && {Mend.Restart(node)}");
            yield break;
        }

        if (node.Options.FormerKeeper is { } former)
        {
            yield return new Finding(
                "keeper-former", Severity.Warning, node.ConfigurationPath, $"has keeper: {former}, as earlier versions had it; it is taken as keeper: process",
                $"sed -i 's/^keeper:.*/keeper: process/' {node.ConfigurationPath}");
        }

        if (node.Daemon is null || node.KeeperRuns) yield break;
        bool hasUnit = UnitFile.Read(node.Files, "sluice-keeper.service") is not null;
        yield return new Finding(
            "keeper-missing", Severity.Warning, node.Options.State, "no keeper holds the kernel's connections: when the daemon dies, running containers get errors for good",
            hasUnit ? "systemctl enable --now sluice-keeper && systemctl restart sluice" : $"setsid sluice keeper --state {node.Options.State} & {Mend.Restart(node)}");
    }
}
