using Sluice.Formats.Oci;

namespace Sluice.Containerd.Snapshots.Lazy;

/// <summary>A lazily served image that snapshots refer to.</summary>
/// <param name="Reference">Where it was last pulled from, e.g. <c>10.0.0.1:5000/app:v1</c>.</param>
/// <param name="Made">Of a prefix, see <see cref="ILazyImages.FindPrefix"/>: its manifest, which exists on this node only. Null where the registry has it.</param>
public sealed record LazyImage(LazyImageKey Key, string Reference, ImageManifest? Made = null);
