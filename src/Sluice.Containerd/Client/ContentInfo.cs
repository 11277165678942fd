using Sluice.Formats.Oci;

namespace Sluice.Containerd.Client;

/// <summary>A blob of containerd's content store.</summary>
/// <param name="Size">Length in bytes.</param>
public sealed record ContentInfo(Digest Digest, long Size, IReadOnlyDictionary<string, string> Labels);
