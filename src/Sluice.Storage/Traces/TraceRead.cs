using Sluice.Formats.Oci;

namespace Sluice.Storage.Traces;

/// <summary>The first read of a chunk.</summary>
/// <param name="Blob">Of the image.</param>
/// <param name="Offset">Of the chunk in blob space.</param>
/// <param name="Length">Bytes of the chunk.</param>
/// <param name="At">When the read came, after the beginning of the trace.</param>
/// <param name="WasHere">Nobody had to wait for it.</param>
public readonly record struct TraceRead(Digest Blob, long Offset, int Length, TimeSpan At, bool WasHere)
{
    /// <summary>The source of a read for which nothing came.</summary>
    public const string SourceNotKnown = "not known";

    /// <summary>How long the read waited; null: not known, as in traces of earlier versions. Reads wait side by side.</summary>
    public TimeSpan? Waited { get; init; }

    /// <summary>What brought the chunk since the pull, as the fetcher calls it; null: it was in the cache before, or that is not known.</summary>
    public string? Source { get; init; }

    /// <summary>The first file that has something in the chunk; null: none has, or nobody has looked.</summary>
    public FilePlace? File { get; init; }

    /// <summary>When the read had its bytes.</summary>
    public TimeSpan Served => At + (Waited ?? TimeSpan.Zero);
}
