namespace Sluice.Testing.Runtime;

/// <summary>What a containerd of a test is to have beside its defaults.</summary>
internal sealed record ContainerdOptions
{
    /// <summary>Socket of the snapshotter that containerd knows as <c>sluice</c>.</summary>
    public required string SnapshotterSocket { get; init; }

    /// <summary>Image of the CRI plugin's sandboxes; null leaves that plugin out.</summary>
    public string? SandboxImage { get; init; }

    /// <summary>Directory with <c>HOST/hosts.toml</c> for the CRI plugin.</summary>
    public string HostsDirectory { get; init; } = "";
}
