using Sluice.Formats.Oci;

namespace Sluice.Containerd.Snapshots.Lazy;

/// <summary>Identity of a lazily served image: the digest of its manifest, whatever it is called.</summary>
public readonly record struct LazyImageKey(Digest Manifest)
{
    public override string ToString() => Manifest.ToString();
}
