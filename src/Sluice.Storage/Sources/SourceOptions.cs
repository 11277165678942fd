using Sluice.Storage.Sources.Credentials;
using Sluice.Storage.Sources.Extra;
using Sluice.Storage.Sources.Places;
using Sluice.Storage.Sources.Registries;

namespace Sluice.Storage.Sources;

/// <summary>How images are reached. One value serves for a whole program; the defaults are those of container runtimes.</summary>
public sealed record SourceOptions
{
    /// <summary>Speak http to registries that no <c>hosts.toml</c> describes. Loopback hosts are reached over http anyway.</summary>
    public bool PlainHttp { get; init; }

    /// <summary>Accept any server certificate from registries that no <c>hosts.toml</c> describes.</summary>
    public bool SkipTlsVerify { get; init; }

    /// <summary>Directories with one directory for each registry host, holding <c>hosts.toml</c> or <c>*.crt</c>, <c>*.cert</c> and <c>*.key</c>. The first that knows a host wins.</summary>
    public IReadOnlyList<string> HostDirectories { get; init; } = ["/etc/containerd/certs.d", "/etc/docker/certs.d"];

    /// <summary>A file like <c>~/.docker/config.json</c>. Null: <c>$REGISTRY_AUTH_FILE</c>, <c>$DOCKER_CONFIG/config.json</c>, <c>~/.docker/config.json</c>, the first that exists.</summary>
    public string? AuthFile { get; init; }

    /// <summary>Where logins come from before that file is asked.</summary>
    public CredentialOptions Credentials { get; init; } = new();

    /// <summary>Connections to one host at a time.</summary>
    public int ConnectionsPerHost { get; init; } = 16;

    public TimeSpan ConnectTimeout { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>A transfer in which less than 16 KiB arrive in this time has stalled; it is given up and resumed elsewhere or anew.</summary>
    public TimeSpan StallTimeout { get; init; } = TimeSpan.FromSeconds(20);

    /// <summary>How often one thing is tried, at every host, before it is an error.</summary>
    public int Attempts { get; init; } = 5;

    /// <summary>Mean delay before the second attempt; doubles with each further one up to <see cref="LongestDelay"/>.</summary>
    public TimeSpan FirstDelay { get; init; } = TimeSpan.FromMilliseconds(100);

    /// <summary>No delay is longer; a registry that asks for a longer one (<c>Retry-After</c>) has failed.</summary>
    public TimeSpan LongestDelay { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>Bytes of one request of an upload whose size is not known beforehand. So much memory an upload may take.</summary>
    public int UploadChunk { get; init; } = 8 << 20;

    /// <summary>How often places are asked, and how long those that failed rest.</summary>
    public PlaceOptions Places { get; init; } = new();

    /// <summary>Over which proxies hosts are reached; null: directly. Loopback always is.</summary>
    public ProxySettings? Proxy { get; init; } = ProxySettings.FromEnvironment();

    /// <summary>Places besides the registry that blobs may come from. See docs/sources.md.</summary>
    public IReadOnlyList<ExtraSourceOptions> ExtraSources { get; init; } = [];

    public TimeProvider Time { get; init; } = TimeProvider.System;

    /// <summary>Connections and tokens that several stores share. Null: each store has its own. The owner disposes them after the stores.</summary>
    public RegistryConnections? Connections { get; init; }
}
