using Sluice.Node.Doctor.Facts;

namespace Sluice.Node.Doctor.Checks;

/// <summary>
/// How systemd ends the daemon. With its default it sends SIGTERM to all processes of the unit at once, so also to the one that is to unmount.
/// Source: systemd.kill(5).
/// </summary>
internal sealed class DaemonUnitCheck : ICheck
{
    public IEnumerable<Finding> Judge(NodeFacts node)
    {
        if (UnitFile.Read(node.Files, "sluice.service") is not { } unit || unit["KillMode"] is "mixed" or "process") yield break;
        yield return new Finding(
            "unit-kill-mode", Severity.Error, unit.Name, $"has KillMode={unit["KillMode"] ?? "control-group, the default"}: a stop ends the processes that unmount, and a keeper, before the daemon is done",
            unit.MendLine("KillMode", "mixed"));
    }
}
