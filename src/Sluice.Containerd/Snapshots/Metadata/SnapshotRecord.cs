using Sluice.Containerd.Snapshots.Lazy;

namespace Sluice.Containerd.Snapshots.Metadata;

/// <summary>A row of the database with its labels.</summary>
/// <param name="Id">Names the directory; never used twice.</param>
/// <param name="Layer">Set when the snapshot is a layer of a lazily served image. It has no directory then.</param>
/// <param name="Mode">How the container of an active snapshot writes.</param>
internal sealed record SnapshotRecord(long Id, long? ParentId, SnapshotInfo Info, SnapshotUsage Usage, LazyLayer? Layer, WriteMode Mode);
