namespace Sluice.Containerd.Client;

/// <summary>A container as containerd keeps it, running or not.</summary>
/// <param name="Image">Name of the image that it was made from; may be empty.</param>
/// <param name="Snapshotter">Name of the plugin that has its root file system; may be empty.</param>
/// <param name="SnapshotKey">Its snapshot there.</param>
public sealed record ContainerRecord(string Id, string Image, string Snapshotter, string SnapshotKey);
