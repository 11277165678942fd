using Sluice.Containerd.Client;
using Sluice.Formats;
using Sluice.Node.Configuration;

namespace Sluice.Node.Doctor;

/// <summary>Which node to look at.</summary>
public sealed record DoctorOptions
{
    /// <summary>As the daemon has, or would have, them.</summary>
    public required NodeOptions Node { get; init; }

    /// <summary>Where they were read from.</summary>
    public string ConfigurationPath { get; init; } = ConfigurationFile.DefaultPath;

    /// <summary>Why the file could not be read; <see cref="Node"/> then has defaults.</summary>
    public SluiceException? ConfigurationError { get; init; }

    /// <summary>Path of containerd's socket.</summary>
    public string Containerd { get; init; } = ContainerdClient.DefaultSocket;

    /// <summary>Path of containerd's configuration; null: the one that its process was started with, or the usual one.</summary>
    public string? ContainerdConfiguration { get; init; }

    /// <summary>Registries to ask besides those that images and host directories of this node name.</summary>
    public IReadOnlyList<string> Registries { get; init; } = [];

    /// <summary>False: nobody outside of this machine is asked.</summary>
    public bool Network { get; init; } = true;
}
