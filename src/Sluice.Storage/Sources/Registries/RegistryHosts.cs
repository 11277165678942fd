using System.Net;
using Sluice.Formats;

namespace Sluice.Storage.Sources.Registries;

/// <summary>
/// Which hosts serve a registry, in the order in which they are asked: the mirrors of its <c>hosts.toml</c>, then itself.
/// Source: containerd, docs/hosts.md.
/// </summary>
internal static class RegistryHosts
{
    /// <exception cref="SluiceException"><see cref="SluiceError.Configuration"/>: a <c>hosts.toml</c> is wrong, or a directory can't be read; names file and line.</exception>
    public static IReadOnlyList<RegistryHost> Resolve(string registry, SourceOptions options)
    {
        foreach (string directory in options.HostDirectories.SelectMany(root => Candidates(root, registry)))
        {
            if (!Directory.Exists(directory)) continue;
            string file = Path.Combine(directory, "hosts.toml");
            return File.Exists(file) ? HostsFile.Read(file, registry, Default(registry, options)) : [WithCertificates(registry, options, directory)];
        }

        return [Default(registry, options)];
    }

    /// <summary>True for names and addresses that never leave the machine.</summary>
    public static bool IsLoopback(string host) =>
        host.Equals("localhost", StringComparison.OrdinalIgnoreCase) || host.EndsWith(".localhost", StringComparison.OrdinalIgnoreCase)
        || (IPAddress.TryParse(host.Trim('[', ']'), out IPAddress? address) && IPAddress.IsLoopback(address));

    private static RegistryHost Default(string registry, SourceOptions options, TlsSettings? tls = null)
    {
        Uri server = new($"https://{(registry == "docker.io" ? "registry-1.docker.io" : registry)}/v2");
        bool plain = options.PlainHttp || (IsLoopback(server.Host) && tls is null && !registry.EndsWith(":443", StringComparison.Ordinal) && !options.SkipTlsVerify);
        if (plain) server = new Uri($"http://{registry}/v2");
        return new RegistryHost(server, registry, HostCapabilities.All, tls ?? new TlsSettings(SkipVerify: options.SkipTlsVerify), []);
    }

    /// <summary>containerd writes the colon of the port as underscores, Docker as it is; <c>_default</c> is containerd's.</summary>
    private static IEnumerable<string> Candidates(string root, string registry)
    {
        int colon = registry.LastIndexOf(':');
        if (colon > registry.LastIndexOf(']')) yield return Path.Combine(root, $"{registry[..colon]}_{registry[(colon + 1)..]}_");
        yield return Path.Combine(root, registry);
        yield return Path.Combine(root, "_default");
    }

    /// <summary>Docker's way: authorities in <c>*.crt</c>, client certificates in <c>*.cert</c> with their <c>*.key</c>.</summary>
    private static RegistryHost WithCertificates(string registry, SourceOptions options, string directory)
    {
        string[] authorities = Files(directory, "*.crt"), clients = Files(directory, "*.cert");
        if (authorities.Length == 0 && clients.Length == 0) return Default(registry, options);
        foreach (string client in clients)
        {
            if (!File.Exists(Path.ChangeExtension(client, ".key"))) throw new SluiceException(SluiceError.Configuration, client, "has no key beside it", $"expected {Path.ChangeExtension(client, ".key")}");
        }

        TlsSettings tls = new(string.Join('\n', authorities), string.Join('\n', clients.Select(client => $"{client}\t{Path.ChangeExtension(client, ".key")}")), options.SkipTlsVerify);
        return Default(registry, options, tls);
    }

    internal static string[] Files(string directory, string pattern)
    {
        try
        {
            return [.. Directory.EnumerateFiles(directory, pattern).Order(StringComparer.Ordinal)];
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new SluiceException(SluiceError.Configuration, directory, exception.Message, inner: exception); // it may go while it is read
        }
    }
}
