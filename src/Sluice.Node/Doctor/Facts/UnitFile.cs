namespace Sluice.Node.Doctor.Facts;

/// <summary>A unit of systemd with its drop-ins, as far as settings are concerned that have one value. Source: systemd.unit(5), systemd.syntax(7).</summary>
internal sealed class UnitFile
{
    private static readonly string[] Places = ["/etc/systemd/system", "/run/systemd/system", "/usr/local/lib/systemd/system", "/usr/lib/systemd/system", "/lib/systemd/system"];

    /// <summary>Each gives the service a mount namespace, out of which mounts don't come. Source: systemd.exec(5).</summary>
    private static readonly string[] Namespaces =
    [
        "ProtectSystem", "ProtectHome", "PrivateTmp", "PrivateDevices", "PrivateMounts", "PrivateIPC", "ProtectKernelTunables", "ProtectKernelModules", "ProtectKernelLogs", "ProtectControlGroups", "ProtectProc", "ProcSubset",
        "ReadOnlyPaths", "ReadWritePaths", "InaccessiblePaths", "NoExecPaths", "BindPaths", "BindReadOnlyPaths", "TemporaryFileSystem", "RootDirectory", "MountFlags", "LogNamespace", "PrivateUsers", "PrivateNetwork", "NetworkNamespacePath",
    ];

    private static readonly string[] Off = ["no", "false", "off", "0", "default", "all", "shared"];

    private readonly Dictionary<string, string> _values = new(StringComparer.Ordinal);

    private UnitFile(string name) => Name = name;

    public string Name { get; }

    /// <summary>The last value of a setting; null if it has none.</summary>
    public string? this[string setting] => _values.GetValueOrDefault(setting) is { Length: > 0 } value ? value : null;

    /// <summary>Null: systemd does not know the unit.</summary>
    public static UnitFile? Read(NodeFiles files, string name)
    {
        if (Places.Select(place => files.Text($"{place}/{name}")).FirstOrDefault(text => text is not null) is not { } main) return null;
        var unit = new UnitFile(name);
        unit.Add(main);
        IEnumerable<(string Place, string File)> dropIns = Places.SelectMany(place => files.Names($"{place}/{name}.d").Where(file => file.EndsWith(".conf", StringComparison.Ordinal)).Select(file => (place, file)));
        foreach ((string place, string file) in dropIns.DistinctBy(dropIn => dropIn.File).OrderBy(dropIn => dropIn.File, StringComparer.Ordinal)) unit.Add(files.Text($"{place}/{name}.d/{file}") ?? "");
        return unit;
    }

    /// <summary>What is set that gives the service a mount namespace of its own.</summary>
    public IReadOnlyList<string> OwnNamespace => [.. Namespaces.Where(setting => this[setting] is { } value && !Off.Contains(value) && !(setting.Contains("Network", StringComparison.Ordinal) && Off.Contains(this["PrivateMounts"])))];

    /// <summary>The line that takes something of <see cref="OwnNamespace"/> back by a drop-in.</summary>
    public string WithoutLine(string setting) => MendLine(setting, setting switch
    {
        "TemporaryFileSystem" or "RootDirectory" or "LogNamespace" or "MountFlags" => "",
        "ProtectProc" => "default",
        "ProcSubset" => "all",
        _ => setting.EndsWith("Paths", StringComparison.Ordinal) ? "" : "no",
    });

    /// <summary>The line that sets something by a drop-in.</summary>
    public string MendLine(string setting, string value, string section = "Service") =>
        $"mkdir -p /etc/systemd/system/{Name}.d && printf '[{section}]\\n{setting}={value}\\n' > /etc/systemd/system/{Name}.d/zz-{setting.ToLowerInvariant()}.conf && systemctl daemon-reload";

    private void Add(string text)
    {
        foreach (string line in text.Split('\n').Select(line => line.Trim()))
        {
            if (line.Length > 0 && line[0] is not ('#' or ';' or '[') && line.IndexOf('=', StringComparison.Ordinal) is > 0 and var equals) _values[line[..equals].TrimEnd()] = line[(equals + 1)..].Trim();
        }
    }
}
