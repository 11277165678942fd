namespace Sluice.Containerd.Snapshots;

/// <summary>What a snapshot itself takes on disk, without its parents.</summary>
/// <param name="Size">Allocated bytes.</param>
public readonly record struct SnapshotUsage(long Size, long Inodes);
