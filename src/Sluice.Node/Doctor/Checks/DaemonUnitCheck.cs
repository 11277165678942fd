using Sluice.Node.Doctor.Facts;

namespace Sluice.Node.Doctor.Checks;

/// <summary>
/// How systemd ends the daemon, and which mount namespace it gives it. By its default it sends SIGTERM to all processes of the unit at once, and kills those that stay: also
/// checks of file systems, and a keeper that the daemon has started. Source: systemd.kill(5), systemd.exec(5).
/// </summary>
internal sealed class DaemonUnitCheck : ICheck
{
    /// <summary>Each takes something away that mounting needs: rights, the device files of FUSE and loops, the keeper's mount namespace.</summary>
    private static readonly string[] Disarming = ["PrivateUsers", "PrivateDevices", "RestrictNamespaces"];

    public IEnumerable<Finding> Judge(NodeFacts node)
    {
        if (UnitFile.Read(node.Files, "sluice.service") is not { } unit) yield break;
        bool spared = unit["KillMode"] == "process" || (unit["KillMode"] == "mixed" && UnitFile.Read(node.Files, "sluice-keeper.service") is not null);
        if (!spared)
            yield return new Finding("unit-kill-mode", Severity.Error, unit.Name, $"has KillMode={unit["KillMode"] ?? "control-group, the default"}: a stop also ends what must outlive the daemon, or end after it", unit.MendLine("KillMode", "process"));
        foreach (string setting in Disarming.Where(setting => unit[setting] is "yes" or "true" or "on" or "1"))
            yield return new Finding("unit-disarmed", Severity.Error, unit.Name, $"has {setting}={unit[setting]}, with which the daemon can't mount", $"{unit.MendLine(setting, setting == "RestrictNamespaces" ? "mnt" : "no")} && systemctl restart sluice");
        const string beside = "--mount-namespace keeper";
        string command = unit["ExecStart"] ?? "/usr/bin/sluice daemon";
        if (unit.OwnNamespace is [var directive, ..] && !command.Contains(beside, StringComparison.Ordinal))
            yield return new Finding("unit-namespace", Severity.Error, unit.Name, $"has {directive}={unit[directive]}, which gives the daemon a mount namespace of its own: containerd does not see what it mounts there", $"{unit.MendLine("ExecStart", $"\\nExecStart={command} {beside}")} && systemctl restart sluice");
    }
}
