using Sluice.Formats.Oci;

namespace Sluice.Storage.Traces;

/// <summary>What was read of an image while a container started: each chunk once, in the order of the first reads.</summary>
/// <param name="Manifest">The image.</param>
/// <param name="Reads">By time.</param>
public sealed record StartTrace(Digest Manifest, IReadOnlyList<TraceRead> Reads)
{
    /// <summary>Blob space bytes that were read.</summary>
    public long Bytes => Reads.Sum(read => (long)read.Length);
}
