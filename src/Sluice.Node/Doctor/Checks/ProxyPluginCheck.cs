using Sluice.Node.Doctor.Facts;

namespace Sluice.Node.Doctor.Checks;

/// <summary>containerd knows the snapshotter. Nothing is said of a configuration that is broken or not there.</summary>
internal sealed class ProxyPluginCheck : ICheck
{
    private const string Usual = "sluice";

    /// <summary>What the snapshotter is called in containerd; null if it is not there.</summary>
    public static string? NameOf(NodeFacts node)
    {
        ContainerdConfiguration file = node.ContainerdConfiguration;
        string[] names = [.. file.Tables("proxy_plugins")];
        return names.FirstOrDefault(name => Address(file, name) == node.Options.SocketPath) ?? names.FirstOrDefault(name => name == Usual);
    }

    public IEnumerable<Finding> Judge(NodeFacts node)
    {
        ContainerdConfiguration file = node.ContainerdConfiguration;
        if (file.Error is not null || (!file.Exists && !node.Files.Exists(node.ContainerdSocket))) yield break;
        string socket = node.Options.SocketPath;
        if (NameOf(node) is not { } name)
        {
            yield return new Finding(
                "proxy-plugin-missing", Severity.Error, file.Path, "has no [proxy_plugins.sluice]: containerd does not know the snapshotter",
                $"printf '\\n[proxy_plugins.{Usual}]\\ntype = \"snapshot\"\\naddress = \"{socket}\"\\n' >> {file.Path} && systemctl restart containerd");
            yield break;
        }

        string[] table = ["proxy_plugins", name];
        if (file.Find(table, "type") is not { Text: "snapshot" } type)
            yield return new Finding("proxy-plugin-type", Severity.Error, file.Path, $"[proxy_plugins.{name}] has type \"{file.Find(table, "type")?.Text}\", not \"snapshot\": containerd does not take it for a snapshotter", file.MendLine(node.Files, table, "type", "\"snapshot\""));
        if (Address(file, name) != socket)
            yield return new Finding("proxy-plugin-address", Severity.Error, file.Path, $"[proxy_plugins.{name}] has address \"{Address(file, name)}\", but the daemon listens on {socket}", file.MendLine(node.Files, table, "address", $"\"{socket}\""));
    }

    private static string? Address(ContainerdConfiguration file, string name) => file.Find(["proxy_plugins", name], "address")?.Text?.Replace("unix://", "", StringComparison.Ordinal);
}
