namespace Sluice.Containerd.Snapshots;

/// <summary>Where a snapshotter keeps its state and how it behaves.</summary>
public sealed record SnapshotterOptions
{
    /// <summary>Absolute directory of <c>metadata.db</c> and <c>snapshots/</c>; one process at a time. Not on overlayfs.</summary>
    public required string Root { get; init; }

    /// <summary>True: directories of removed snapshots are deleted by the next Cleanup, which containerd calls after its garbage collection.</summary>
    public bool RemoveLater { get; init; }

    /// <summary>The caller holds the lock of the root, for as long as the snapshotter is open.</summary>
    public bool IsRootLocked { get; init; }

    public TimeProvider Time { get; init; } = TimeProvider.System;
}
