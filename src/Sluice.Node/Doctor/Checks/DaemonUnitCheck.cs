using Sluice.Node.Doctor.Facts;

namespace Sluice.Node.Doctor.Checks;

/// <summary>
/// How systemd ends the daemon, and which mount namespace it gives it. By its default it sends SIGTERM to all processes of the unit at once, and kills those that stay: also
/// checks of file systems, and a keeper that the daemon has started. Source: systemd.kill(5), systemd.exec(5).
/// </summary>
internal sealed class DaemonUnitCheck : ICheck
{
    /// <summary>Each gives the service a mount namespace, out of which mounts don't come.</summary>
    private static readonly string[] Namespaces =
    [
        "ProtectSystem", "ProtectHome", "PrivateTmp", "PrivateDevices", "PrivateMounts", "PrivateIPC", "ProtectKernelTunables", "ProtectKernelModules", "ProtectKernelLogs", "ProtectControlGroups", "ProtectProc", "ProcSubset",
        "ReadOnlyPaths", "ReadWritePaths", "InaccessiblePaths", "NoExecPaths", "BindPaths", "BindReadOnlyPaths", "TemporaryFileSystem", "RootDirectory", "MountFlags", "LogNamespace", "PrivateUsers",
    ];

    private static readonly string[] Off = ["no", "false", "off", "0", "default", "all", "shared"];

    public IEnumerable<Finding> Judge(NodeFacts node)
    {
        if (UnitFile.Read(node.Files, "sluice.service") is not { } unit) yield break;
        bool spared = unit["KillMode"] == "process" || (unit["KillMode"] == "mixed" && UnitFile.Read(node.Files, "sluice-keeper.service") is not null);
        if (!spared)
            yield return new Finding("unit-kill-mode", Severity.Error, unit.Name, $"has KillMode={unit["KillMode"] ?? "control-group, the default"}: a stop also ends what must outlive the daemon, or end after it", unit.MendLine("KillMode", "process"));
        foreach (string setting in Namespaces.Where(setting => unit[setting] is { } value && !Off.Contains(value)))
        {
            string none = setting.EndsWith("Paths", StringComparison.Ordinal) || setting is "TemporaryFileSystem" or "RootDirectory" or "LogNamespace" or "MountFlags" ? "" : setting is "ProtectProc" ? "default" : setting is "ProcSubset" ? "all" : "no";
            yield return new Finding("unit-namespace", Severity.Error, unit.Name, $"has {setting}={unit[setting]}, which gives the daemon a mount namespace of its own: containerd does not see what it mounts", $"{unit.MendLine(setting, none)} && systemctl restart sluice");
        }
    }
}
