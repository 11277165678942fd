using Sluice.Storage.Fetching;
using Sluice.Storage.Sources;

namespace Sluice.Node.Configuration;

/// <summary>Everything that can be set for a node; the defaults need no configuration file. See docs/configuration.md.</summary>
public sealed record NodeOptions
{
    /// <summary>Persistent state: <c>cache/</c>, <c>images/</c>, <c>snapshots/</c>, <c>metadata.db</c>.</summary>
    public string Root { get; init; } = "/var/lib/sluice";

    /// <summary>Volatile state: <c>disks/</c> (the FUSE mount) and <c>images/</c> (image mounts).</summary>
    public string State { get; init; } = "/run/sluice";

    /// <summary>The snapshotter's socket; <c>containerd.sock</c> in <see cref="State"/> when empty.</summary>
    public string Address { get; init; } = "";

    public MountMode MountMode { get; init; } = MountMode.Auto;

    /// <summary>Read-ahead of image mounts in KiB.</summary>
    public int ReadAheadKilobytes { get; init; } = 1024;

    public FetchOptions Fetch { get; init; } = new();

    public SourceOptions Sources { get; init; } = new();

    /// <summary>True: log debug lines too.</summary>
    public bool Verbose { get; init; }

    public string SocketPath => Address.Length > 0 ? Address : Path.Combine(State, "containerd.sock");

    public string DisksDirectory => Path.Combine(State, "disks");

    public string MountsDirectory => Path.Combine(State, "images");

    public string ImagesDirectory => Path.Combine(Root, "images");

    public string CacheDirectory => Path.Combine(Root, "cache");
}
