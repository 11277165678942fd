namespace Sluice.Containerd.Snapshots;

/// <summary>A mount as containerd passes it to mount(2).</summary>
/// <param name="Type"><c>bind</c> or <c>overlay</c>.</param>
public sealed record SnapshotMount(string Type, string Source, IReadOnlyList<string> Options);
