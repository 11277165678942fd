using Sluice.Formats;
using Sluice.Formats.Toml;

namespace Sluice.Storage.Sources.Registries;

/// <summary>Reads containerd's <c>hosts.toml</c>. Keys that Sluice does not know are left out. Source: containerd, docs/hosts.md.</summary>
internal static class HostsFile
{
    private const int SizeLimit = 1 << 20;

    /// <param name="standard">The registry as it is reached without file.</param>
    public static IReadOnlyList<RegistryHost> Read(string file, string registry, RegistryHost standard)
    {
        string text;
        try
        {
            if (new FileInfo(file).Length > SizeLimit) throw new SluiceException(SluiceError.Configuration, file, "is too large");
            text = File.ReadAllText(file);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new SluiceException(SluiceError.Configuration, file, error.Message, inner: error);
        }

        TomlTable document = new TomlReader(text, file).Read();
        if (document.Get("host") is { Content: not TomlTable } listed) throw Wrong(file, listed, "hosts are tables, no lists of tables: [host.\"https://…\"]");
        List<RegistryHost> hosts = [];
        foreach ((string address, TomlValue value) in document.Table("host")?.Entries ?? [])
        {
            if (value.Content is not TomlTable table) throw Wrong(file, value, "a host is a table: [host.\"https://…\"]");
            hosts.Add(Host(file, registry, address, table, value));
        }

        // The file's root describes the registry itself, which is asked last.
        hosts.Add(document.Get("server") is { } server ? Host(file, registry, server.AsText(file), document, server) : Host(file, registry, standard.Api.GetLeftPart(UriPartial.Authority), document, null, standard));
        return hosts;
    }

    private static RegistryHost Host(string file, string registry, string address, TomlTable table, TomlValue? at, RegistryHost? standard = null)
    {
        string complete = address.Contains("://", StringComparison.Ordinal) ? address : "https://" + address;
        if (!Uri.TryCreate(complete, UriKind.Absolute, out Uri? url) || url.Scheme is not ("http" or "https") || url.Query.Length > 0 || url.UserInfo.Length > 0)
        {
            throw Wrong(file, at, $"'{address}' is no address of a registry");
        }

        bool overridePath = table.Get("override_path")?.AsFlag(file) ?? false;
        string path = url.AbsolutePath.TrimEnd('/');
        if (!overridePath && !path.EndsWith("/v2", StringComparison.Ordinal)) path += "/v2";
        TlsSettings tls = Tls(file, table);
        if (standard is not null && tls == TlsSettings.System) tls = standard.Tls;
        return new RegistryHost(new Uri(url, path), registry, Capabilities(file, table), tls, Headers(file, table));
    }

    private static HostCapabilities Capabilities(string file, TomlTable table)
    {
        if (table.Get("capabilities") is not { } listed) return HostCapabilities.All;
        HostCapabilities capabilities = HostCapabilities.None;
        foreach (TomlValue item in listed.AsList(file))
        {
            capabilities |= item.AsText(file) switch
            {
                "pull" => HostCapabilities.Pull,
                "resolve" => HostCapabilities.Resolve,
                "push" => HostCapabilities.Push,
                var other => throw Wrong(file, item, $"'{other}' is none of pull, resolve, push"),
            };
        }

        return capabilities;
    }

    private static TlsSettings Tls(string file, TomlTable table)
    {
        string directory = Path.GetDirectoryName(file)!;
        IEnumerable<string> authorities = table.Get("ca") is { } ca ? Texts(file, ca).Select(path => Path.Combine(directory, path)) : [];
        List<string> clients = [];
        if (table.Get("client") is { } client)
        {
            if (client.Content is string single) clients.Add(Path.Combine(directory, single) + "\t");
            else clients.AddRange(client.AsList(file).Select(item => ClientPair(file, directory, item)));
        }

        return new TlsSettings(string.Join('\n', authorities), string.Join('\n', clients), table.Get("skip_verify")?.AsFlag(file) ?? false);
    }

    private static string ClientPair(string file, string directory, TomlValue item)
    {
        string[] parts = [.. Texts(file, item)];
        if (parts.Length is < 1 or > 2) throw Wrong(file, item, "a client certificate is \"file\" or [\"certificate\", \"key\"]");
        string key = parts.Length == 2 && parts[1].Length > 0 ? Path.Combine(directory, parts[1]) : "";
        return $"{Path.Combine(directory, parts[0])}\t{key}";
    }

    private static List<KeyValuePair<string, string>> Headers(string file, TomlTable table)
    {
        List<KeyValuePair<string, string>> headers = [];
        foreach ((string name, TomlValue value) in table.Table("header")?.Entries ?? [])
        {
            foreach (string text in Texts(file, value))
            {
                if (text.AsSpan().ContainsAny('\r', '\n') || name.AsSpan().ContainsAny(" :\r\n")) throw Wrong(file, value, $"the header '{name}' has characters that headers can't have");
                headers.Add(new(name, text));
            }
        }

        return headers;
    }

    private static IEnumerable<string> Texts(string file, TomlValue value) =>
        value.Content is string text ? [text] : value.AsList(file).Select(item => item.AsText(file));

    private static SluiceException Wrong(string file, TomlValue? at, string message) =>
        new(SluiceError.Configuration, at is null ? file : $"{file}:{at.Line}", message);
}
