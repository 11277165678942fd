namespace Sluice.Containerd.Snapshots.Lazy;

/// <summary>A layer that containerd need not download.</summary>
/// <param name="Completes">
/// True when the chain that ends in this layer is the whole image, as <see cref="ILazyImages.MountAsync"/> mounts it (the
/// bootstrap layer of a RAFS image). Containers stand on such layers, or on a prefix; the others (data blobs) are shared between images.
/// </param>
public sealed record LazyLayer(LazyImage Image, bool Completes);
