namespace Sluice.Containerd.Snapshots.Lazy;

/// <summary>A container's own disk over a lazily served image: modes <see cref="WriteMode.Directory"/> and <see cref="WriteMode.Device"/>.</summary>
/// <param name="Id">Unique among the snapshots, for ever.</param>
/// <param name="Directory">Absolute; takes all files of the disk. Missing or empty until it is attached for the first time; deleted with the snapshot.</param>
public sealed record ContainerDisk(LazyImage Image, long Id, string Directory, WriteMode Mode);
