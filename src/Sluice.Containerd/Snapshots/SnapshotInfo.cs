namespace Sluice.Containerd.Snapshots;

/// <summary>What containerd knows of a snapshot.</summary>
/// <param name="Name">Key of an active snapshot or view, name of a committed one: <c>namespace/sequence/key</c>.</param>
/// <param name="Parent">Name of the committed parent, or the empty string.</param>
public sealed record SnapshotInfo(
    string Name, string Parent, SnapshotKind Kind, DateTimeOffset Created, DateTimeOffset Updated, IReadOnlyDictionary<string, string> Labels);
