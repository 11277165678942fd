using System.Net;

namespace Sluice.Registry;

/// <summary>How a registry serves a directory.</summary>
public sealed record RegistryOptions
{
    /// <summary>Where everything is kept; created if missing. One process at a time. See <c>docs/registry.md</c> for what is in it.</summary>
    public required string Directory { get; init; }

    /// <summary>Where to listen; port 0 takes any free port.</summary>
    public IPEndPoint Listen { get; init; } = new(IPAddress.Loopback, 5000);

    /// <summary>PEM file with the server's certificate and, after it, its issuers. Null for plain HTTP.</summary>
    public string? CertificateFile { get; init; }

    /// <summary>PEM file with the certificate's private key. Set if and only if <see cref="CertificateFile"/> is.</summary>
    public string? KeyFile { get; init; }

    /// <summary>If set, every request must carry this name and <see cref="Password"/> (HTTP Basic).</summary>
    public string? User { get; init; }

    public string? Password { get; init; }

    /// <summary>False spares the fsync calls: a power cut may then lose or truncate what was pushed. For tests.</summary>
    public bool Durable { get; init; } = true;

    /// <summary>The clock that tells how old an abandoned upload is.</summary>
    public TimeProvider Time { get; init; } = TimeProvider.System;

    /// <summary>Called with every request before it is answered, on many threads at once. For tests and logs.</summary>
    public Action<RegistryRequest>? Observe { get; init; }

    /// <summary>Called after each step that changes what is on disk, with the step's name. For crash tests.</summary>
    internal Action<string>? AfterStep { get; init; }
}
