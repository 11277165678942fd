using Sluice.Node.Doctor.Facts;
using Sluice.Storage.Sources.Registries;

namespace Sluice.Node.Doctor.Checks;

/// <summary>Hosts of registries answer, and prove who they are. Where another host of the registry does, it is a warning.</summary>
internal sealed class RegistryHostsCheck : ICheck
{
    public IEnumerable<Finding> Judge(NodeFacts node)
    {
        foreach (RegistryFacts registry in node.Registries)
        {
            bool another = registry.Hosts.Any(host => host.Trouble == HostTrouble.None);
            foreach (HostAnswer host in registry.Hosts.Where(host => host.Trouble != HostTrouble.None))
            {
                if (host.Trouble == HostTrouble.Proxy && ProxyExceptionsCheck.IsLocal(host)) continue; // not the proxy is wrong
                yield return Judge(node, registry.Registry, host, another ? Severity.Warning : Severity.Error);
            }
        }
    }

    private static Finding Judge(NodeFacts node, string registry, HostAnswer host, Severity severity)
    {
        string name = host.Name.Split(':')[0], directory = $"{(node.Options.Sources.HostDirectories is [{ } first, ..] ? first : "/etc/containerd/certs.d")}/{registry}";
        return host.Trouble switch
        {
            HostTrouble.Name => new Finding("dns-failed", severity, host.Name, "its name has no address", $"# put a name server that knows {name} into /etc/resolv.conf, or: echo 'ADDRESS {name}' >> /etc/hosts"),
            HostTrouble.Unreachable => new Finding("registry-unreachable", severity, host.Name, $"nobody answers: {host.Message}", $"curl -sSv -m 5 {(host.IsPlain ? "http" : "https")}://{host.Name}/v2/  # is it running, is the port right, does a firewall drop it?"),
            HostTrouble.Proxy => new Finding("proxy-unreachable", severity, $"proxy {host.Proxy}", $"does not let us through to {host.Name}: {host.Message}", Mend.SetInUnit(node, "UnsetEnvironment", "HTTP_PROXY HTTPS_PROXY ALL_PROXY http_proxy https_proxy all_proxy")),
            HostTrouble.NoTls => new Finding("registry-no-tls", severity, host.Name, "does not speak https", $"mkdir -p {directory} && printf 'server = \"http://{registry}\"\\n' > {directory}/hosts.toml"),
            HostTrouble.CertificateTime when host.CertificateEnds > node.Now => new Finding("certificate-time", severity, host.Name, $"{host.Message}: is this machine's clock right?", "timedatectl set-ntp true"),
            HostTrouble.CertificateTime => new Finding("certificate-time", severity, host.Name, host.Message, $"# have the certificate of {name} renewed, where it runs"),
            HostTrouble.CertificateAuthority => new Finding("certificate-authority", severity, host.Name, host.Message, $"mkdir -p {directory} && cp CA.crt {directory}/ca.crt  # the certificate of that authority"),
            HostTrouble.CertificateName => new Finding("certificate-name", severity, host.Name, $"{host.Message}, not for {name}", "# name the images as the certificate does, or have one made for this name"),
            _ => new Finding("registry-fails", severity, host.Name, host.Message, $"curl -sSv -m 5 {(host.IsPlain ? "http" : "https")}://{host.Name}/v2/"),
        };
    }
}
