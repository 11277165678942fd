namespace Sluice.Containerd.Snapshots.Lazy;

/// <summary>Every image is an ordinary one: the snapshotter is then a plain overlayfs snapshotter.</summary>
public sealed class NoLazyImages : ILazyImages
{
    public Task<LazyLayer?> FindLayerAsync(string below, IReadOnlyDictionary<string, string> labels, CancellationToken cancellation) => Task.FromResult<LazyLayer?>(null);

    public void CheckShared(LazyImage known, IReadOnlyDictionary<string, string> knownLabels, IReadOnlyDictionary<string, string> labels) => throw Refused(known);

    public LazyImage? FindPrefix(string reference, IReadOnlyList<IReadOnlyDictionary<string, string>> layers) => null;

    public Task<string> MountAsync(LazyImage image, CancellationToken cancellation) =>
        throw Refused(image);

    public Task<WriteMode> ChooseModeAsync(LazyImage image, WriteMode? wanted, CancellationToken cancellation) => throw Refused(image);

    public Task<SnapshotMount> AttachDiskAsync(ContainerDisk disk, CancellationToken cancellation) => throw Refused(disk.Image);

    public Task DetachDiskAsync(long id, string directory, CancellationToken cancellation) => Task.CompletedTask;

    public Task ReleaseAsync(LazyImageKey image, CancellationToken cancellation) => Task.CompletedTask;

    private static Formats.SluiceException Refused(LazyImage image) => new(Formats.SluiceError.Configuration, image.Reference, "this snapshotter serves no lazy images");
}
