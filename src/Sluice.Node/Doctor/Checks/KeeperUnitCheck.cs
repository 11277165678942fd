using Sluice.Node.Doctor.Facts;

namespace Sluice.Node.Doctor.Checks;

/// <summary>The keeper's unit must outlive the daemon's, and end by SIGTERM alone when it is told to.</summary>
internal sealed class KeeperUnitCheck : ICheck
{
    private static readonly string[] Bonds = ["PartOf", "BindsTo", "Requires", "StopPropagatedFrom"];

    public IEnumerable<Finding> Judge(NodeFacts node)
    {
        if (UnitFile.Read(node.Files, "sluice-keeper.service") is not { } unit) yield break;
        if (unit["KillMode"] is "none" or "control-group")
            yield return new Finding("keeper-unit-kill-mode", Severity.Warning, unit.Name, $"has KillMode={unit["KillMode"]}: what the keeper holds must end with the keeper, and nothing else", unit.MendLine("KillMode", "process"));
        foreach (string bond in Bonds.Where(bond => unit[bond]?.Split(' ').Contains("sluice.service") == true))
            yield return new Finding("keeper-unit-bound", Severity.Error, unit.Name, $"has {bond}=sluice.service: it ends with the daemon that it is there to outlive", $"sed -i '/^{bond}=/d' $(systemctl show -P FragmentPath {unit.Name}) && systemctl daemon-reload");
        foreach (string setting in unit.OwnNamespace)
            yield return new Finding("keeper-unit-namespace", Severity.Error, unit.Name, $"has {setting}={unit[setting]}, which gives the keeper a mount namespace of its own: containerd does not see what the daemon mounts there", $"{unit.WithoutLine(setting)} # holds when the machine has been restarted");
    }
}
