using Sluice.Formats.Oci;

namespace Sluice.Storage.Traces;

/// <summary>The first read of a chunk.</summary>
/// <param name="Blob">Of the image.</param>
/// <param name="Offset">Of the chunk in blob space.</param>
/// <param name="Length">Bytes of the chunk.</param>
/// <param name="At">After the beginning of the trace.</param>
/// <param name="WasHere">Nobody had to wait for it.</param>
public readonly record struct TraceRead(Digest Blob, long Offset, int Length, TimeSpan At, bool WasHere)
{
    /// <summary>The first file that has something in the chunk; null: none has, or nobody has looked.</summary>
    public FilePlace? File { get; init; }
}
