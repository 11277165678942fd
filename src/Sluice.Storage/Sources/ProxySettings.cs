using System.Globalization;
using System.Net;
using Sluice.Formats;

namespace Sluice.Storage.Sources;

/// <summary>
/// Over which proxy a host is reached. The words of <c>NO_PROXY</c> mean what they mean to containerd: a name and what is below it, <c>.name</c> only
/// what is below, an address, a network (<c>10.0.0.0/8</c>), each with <c>:port</c> or for all ports; <c>*</c> everything. Source: golang.org/x/net/http/httpproxy.
/// </summary>
public sealed class ProxySettings : IWebProxy, ICredentials, IEquatable<ProxySettings>
{
    private readonly Uri? _http;
    private readonly Uri? _https;
    private readonly string[] _direct;

    /// <param name="http">For http addresses, as <c>http://[user:password@]host:port</c>, or https or socks5; null: none.</param>
    /// <param name="https">For https addresses.</param>
    /// <param name="direct">What is reached without proxy, separated by commas.</param>
    /// <exception cref="SluiceException"><see cref="SluiceError.Configuration"/>: not the address of a proxy.</exception>
    public ProxySettings(string? http, string? https, string? direct)
    {
        (_http, _https) = (Parse(http), Parse(https));
        _direct = (direct ?? "").Split([',', ' '], StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
    }

    /// <summary>What is reached without proxy, separated by commas.</summary>
    public string Exceptions => string.Join(',', _direct);

    /// <summary>Not used: see <see cref="GetCredential"/>.</summary>
    public ICredentials? Credentials { get => this; set => throw new NotSupportedException(); }

    /// <summary>From <c>HTTP_PROXY</c>, <c>HTTPS_PROXY</c> and <c>NO_PROXY</c>, in either case; null where there is none.</summary>
    /// <param name="direct">Instead of <c>NO_PROXY</c>.</param>
    public static ProxySettings? FromEnvironment(string? direct = null)
    {
        string? http = Variable("HTTP_PROXY"), https = Variable("HTTPS_PROXY");
        return http is null && https is null ? null : new ProxySettings(http, https, direct ?? Variable("NO_PROXY"));
    }

    public Uri? GetProxy(Uri destination) => IsBypassed(destination) || Of(destination) is not { } proxy ? null : new Uri($"{proxy.Scheme}://{proxy.Authority}");

    public bool IsBypassed(Uri host) => Of(host) is null || _direct.Any(entry => Covers(entry, host));

    /// <summary>Name and password that stand in a proxy's address.</summary>
    public NetworkCredential? GetCredential(Uri uri, string authType)
    {
        Uri? proxy = new[] { _http, _https }.FirstOrDefault(proxy => proxy is not null && proxy.Authority == uri.Authority && proxy.UserInfo.Length > 0);
        if (proxy is null) return null;
        string[] login = proxy.UserInfo.Split(':', 2);
        return new NetworkCredential(Uri.UnescapeDataString(login[0]), login.Length == 2 ? Uri.UnescapeDataString(login[1]) : "");
    }

    public bool Equals(ProxySettings? other) =>
        other is not null && _http?.OriginalString == other._http?.OriginalString && _https?.OriginalString == other._https?.OriginalString && Exceptions == other.Exceptions;

    public override bool Equals(object? obj) => Equals(obj as ProxySettings);

    public override int GetHashCode() => HashCode.Combine(_http, _https, Exceptions);

    private Uri? Of(Uri destination) => destination.Scheme == "https" ? _https : _http;

    private static bool Covers(string entry, Uri host)
    {
        if (entry == "*") return true;
        string name = entry;
        int colon = entry.LastIndexOf(':');
        if (colon > 0 && int.TryParse(entry.AsSpan(colon + 1), NumberStyles.None, CultureInfo.InvariantCulture, out int port) && (entry.IndexOf(':') == colon || entry[colon - 1] == ']'))
        {
            if (port != host.Port) return false;
            name = entry[..colon];
        }

        if (IPAddress.TryParse(host.IdnHost.Trim('[', ']'), out IPAddress? address))
        {
            if (IPNetwork.TryParse(name, out IPNetwork network)) return network.Contains(address);
            return IPAddress.TryParse(name.Trim('[', ']'), out IPAddress? same) && same.Equals(address);
        }

        name = name.StartsWith("*.", StringComparison.Ordinal) ? name[1..] : name;
        if (name.StartsWith('.')) return host.IdnHost.EndsWith(name, StringComparison.OrdinalIgnoreCase);
        return host.IdnHost.Equals(name, StringComparison.OrdinalIgnoreCase) || host.IdnHost.EndsWith("." + name, StringComparison.OrdinalIgnoreCase);
    }

    /// <summary>The address may hold a password: it is not told.</summary>
    private static Uri? Parse(string? proxy)
    {
        if (string.IsNullOrEmpty(proxy)) return null;
        string complete = proxy.Contains("://", StringComparison.Ordinal) ? proxy : "http://" + proxy;
        return Uri.TryCreate(complete, UriKind.Absolute, out Uri? address) && address.Scheme is "http" or "https" or "socks5" && address.Host.Length > 0
            ? address
            : throw new SluiceException(SluiceError.Configuration, "the proxy setting", "is no address of a proxy", "write http://HOST:PORT");
    }

    private static string? Variable(string name)
    {
        string? value = Environment.GetEnvironmentVariable(name.ToLowerInvariant());
        if (string.IsNullOrEmpty(value)) value = Environment.GetEnvironmentVariable(name);
        return string.IsNullOrEmpty(value) ? null : value;
    }
}
