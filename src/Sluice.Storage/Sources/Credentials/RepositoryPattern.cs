namespace Sluice.Storage.Sources.Credentials;

/// <summary>
/// For what a login is good, as login files and the kubelet's providers write it: a host with or without port, perhaps with
/// <c>*</c> for a part of a name between dots, perhaps with a path that a repository must begin with, in whole segments.
/// Schemes, <c>/v1/</c> and <c>/v2/</c> are left out, and all names of Docker Hub are one.
/// Sources: Docker CLI configuration file, containers-auth.json(5), kubelet credential providers (matchImages).
/// </summary>
internal sealed class RepositoryPattern
{
    private readonly string _host;
    private readonly string _port;
    private readonly string _path;

    private RepositoryPattern(string host, string port, string path) => (_host, _port, _path) = (host, port, path);

    /// <summary>The larger, the more it says: a longer path first, then a name without <c>*</c>.</summary>
    public int Weight => (_path.Length * 2) + (_host.Contains('*', StringComparison.Ordinal) ? 0 : 1);

    public static RepositoryPattern Parse(string text)
    {
        int scheme = text.IndexOf("://", StringComparison.Ordinal);
        if (scheme >= 0) text = text[(scheme + 3)..];
        int slash = text.IndexOf('/', StringComparison.Ordinal);
        string path = slash < 0 ? "" : text[(slash + 1)..].Trim('/');
        if (path is "v1" or "v2") path = "";
        (string host, string port) = Split(slash < 0 ? text : text[..slash]);
        if (host is "index.docker.io" or "registry-1.docker.io") host = RepositoryName.DockerHub;
        return new RepositoryPattern(host, port, path);
    }

    public bool Matches(RepositoryName name)
    {
        (string host, string port) = Split(name.Host);
        return _port == port && HostMatches(host) && (_path.Length == 0 || name.Path == _path || name.Path.StartsWith(_path + "/", StringComparison.Ordinal));
    }

    private bool HostMatches(string host)
    {
        string[] wanted = _host.Split('.'), given = host.Split('.');
        return wanted.Length == given.Length && wanted.Zip(given).All(pair => PartMatches(pair.First, pair.Second));
    }

    /// <summary>Where <c>*</c> stands for any characters of one part.</summary>
    private static bool PartMatches(string pattern, string part) =>
        System.IO.Enumeration.FileSystemName.MatchesSimpleExpression(pattern.Replace("\\", "", StringComparison.Ordinal), part, ignoreCase: true);

    /// <summary>Without a port the one of https is meant.</summary>
    private static (string Host, string Port) Split(string authority)
    {
        int colon = authority.LastIndexOf(':');
        return colon > authority.LastIndexOf(']') ? (authority[..colon], authority[(colon + 1)..]) : (authority, "443");
    }
}
