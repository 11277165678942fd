namespace Sluice.Containerd.Snapshots;

/// <summary>State of a snapshot; the numbers are those of containerd's snapshots API and of the database.</summary>
public enum SnapshotKind
{
    /// <summary>Read-only look at a committed parent; can only be removed.</summary>
    View = 1,

    /// <summary>Writable; becomes <see cref="Committed"/> or is removed.</summary>
    Active = 2,

    /// <summary>Immutable; may have children.</summary>
    Committed = 3,
}
