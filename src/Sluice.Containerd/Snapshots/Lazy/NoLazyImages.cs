namespace Sluice.Containerd.Snapshots.Lazy;

/// <summary>Every image is an ordinary one: the snapshotter is then a plain overlayfs snapshotter.</summary>
public sealed class NoLazyImages : ILazyImages
{
    public Task<LazyLayer?> FindLayerAsync(string below, IReadOnlyDictionary<string, string> labels, CancellationToken cancellation) => Task.FromResult<LazyLayer?>(null);

    public LazyImage? FindPrefix(string reference, IReadOnlyList<IReadOnlyDictionary<string, string>> layers) => null;

    public Task<string> MountAsync(LazyImage image, CancellationToken cancellation) =>
        throw new Formats.SluiceException(Formats.SluiceError.Configuration, image.Reference, "this snapshotter serves no lazy images");

    public Task ReleaseAsync(LazyImageKey image, CancellationToken cancellation) => Task.CompletedTask;
}
