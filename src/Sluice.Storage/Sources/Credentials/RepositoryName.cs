using Sluice.Storage.Sources.Registries;

namespace Sluice.Storage.Sources.Credentials;

/// <summary>What a login is wanted for.</summary>
/// <param name="Host">The host's name in logins: <c>docker.io</c>, <c>host:port</c>; of a mirror its own.</param>
/// <param name="Path">The repository; empty where it is not known.</param>
internal readonly record struct RepositoryName(string Host, string Path)
{
    public const string DockerHub = "docker.io";

    /// <param name="scope"><c>repository:NAME:ACTIONS</c>, perhaps followed by others.</param>
    public static RepositoryName Of(RegistryHost host, string scope)
    {
        int first = scope.IndexOf(':', StringComparison.Ordinal), end = scope.IndexOf(' ', StringComparison.Ordinal);
        int last = (end < 0 ? scope : scope[..end]).LastIndexOf(':');
        return new RepositoryName(host.LoginName, first > 0 && last > first ? scope[(first + 1)..last] : "");
    }

    public override string ToString() => Path.Length == 0 ? Host : $"{Host}/{Path}";
}
