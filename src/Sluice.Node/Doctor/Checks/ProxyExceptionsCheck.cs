using System.Net;
using System.Net.Sockets;
using Sluice.Node.Doctor.Facts;
using Sluice.Storage.Sources.Registries;

namespace Sluice.Node.Doctor.Checks;

/// <summary>Registries of the own network that would be asked through an HTTP proxy.</summary>
internal sealed class ProxyExceptionsCheck : ICheck
{
    private static readonly string[] LocalDomains = [".local", ".internal", ".lan", ".home.arpa", ".svc", ".localdomain"];

    public IEnumerable<Finding> Judge(NodeFacts node)
    {
        foreach (HostAnswer host in node.Registries.SelectMany(registry => registry.Hosts).Where(IsLocal))
        {
            string known = node.Environment.GetValueOrDefault("NO_PROXY") ?? node.Environment.GetValueOrDefault("no_proxy") ?? "";
            string name = host.Name.Split(':')[0];
            yield return new Finding(
                "proxy-catches-registry", host.Trouble == HostTrouble.Proxy ? Severity.Error : Severity.Warning, host.Name, $"is of the own network, but is asked through the proxy {host.Proxy}, as NO_PROXY does not name it",
                Mend.SetInUnit(node, "Environment", $"NO_PROXY={(known.Length > 0 ? known + "," : "")}{name}"));
        }
    }

    /// <summary>True for a proxied host whose name or address can't be one of the internet.</summary>
    public static bool IsLocal(HostAnswer host)
    {
        if (host.Proxy is null) return false;
        string name = host.Name[..Math.Max(host.Name.LastIndexOf(':'), 0)];
        if (IPAddress.TryParse(name.Trim('[', ']'), out IPAddress? address)) return IsPrivate(address);
        return !name.Contains('.', StringComparison.Ordinal) || Array.Exists(LocalDomains, domain => name.EndsWith(domain, StringComparison.OrdinalIgnoreCase));
    }

    private static bool IsPrivate(IPAddress address)
    {
        if (address.AddressFamily == AddressFamily.InterNetworkV6) return address.IsIPv6UniqueLocal || address.IsIPv6LinkLocal;
        byte[] bytes = address.GetAddressBytes();
        return bytes[0] == 10 || (bytes[0] == 172 && bytes[1] is >= 16 and < 32) || (bytes[0] == 192 && bytes[1] == 168) || (bytes[0] == 169 && bytes[1] == 254);
    }
}
