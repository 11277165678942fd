using Sluice.Storage.Sources.Places;

namespace Sluice.Storage.Sources.Registries;

/// <summary>One host that serves a registry: a mirror or the registry itself.</summary>
/// <param name="api">Where the API is, without slash at the end: <c>https://host:port/v2</c>.</param>
/// <param name="registry">The registry whose images this host serves, as image names have it.</param>
internal sealed class RegistryHost(Uri api, string registry, HostCapabilities capabilities, TlsSettings tls, IReadOnlyList<KeyValuePair<string, string>> headers)
{
    public Uri Api { get; } = api;

    public string Registry { get; } = registry;

    public HostCapabilities Capabilities { get; } = capabilities;

    public TlsSettings Tls { get; } = tls;

    /// <summary>Sent to this host only; may hold secrets.</summary>
    public IReadOnlyList<KeyValuePair<string, string>> Headers { get; } = headers;

    /// <summary>The host and how it is asked: equal for equal settings. Holds what the headers hold.</summary>
    public string Identity { get; } = $"{api.AbsoluteUri}\n{tls.Authorities}\n{tls.ClientCertificates}\n{tls.SkipVerify}\n{string.Join('\n', headers)}";

    public string Name { get; } = $"registry {api.Host}:{api.Port}";

    /// <summary>What is known of the host over all repositories. The store that asks it puts the shared one here.</summary>
    public SourcePlace Place { get; set; } = new($"registry {api.Host}:{api.Port}", new PlaceOptions());

    /// <summary>The name under which logins are kept: that of the registry for itself, host and port for a mirror.</summary>
    public string LoginName => IsMirror ? Api.Authority : Registry;

    public bool IsMirror => !(Api.Authority == Registry || $"{Api.Host}:{Api.Port}" == Registry || (Registry == "docker.io" && Api.Host == "registry-1.docker.io"));

    /// <summary>The address of a path below the API. Mirrors are told whose image is meant, as containerd does it.</summary>
    public Uri Address(string path)
    {
        string address = $"{Api.AbsoluteUri.TrimEnd('/')}/{path}";
        if (IsMirror) address += (path.Contains('?', StringComparison.Ordinal) ? "&ns=" : "?ns=") + Uri.EscapeDataString(Registry);
        return new Uri(address);
    }

    /// <summary>True if an address belongs to this host, so that it may see its secrets.</summary>
    public bool Owns(Uri address) => address.Scheme == Api.Scheme && address.Port == Api.Port && string.Equals(address.Host, Api.Host, StringComparison.OrdinalIgnoreCase);
}
