using Sluice.Formats.Oci;

namespace Sluice.Storage.Traces;

/// <summary>Part of a plan: bytes of blob space.</summary>
public readonly record struct PlanRange(Digest Blob, long Offset, long Length)
{
    internal long End => Offset + Length;
}
