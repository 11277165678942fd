using Sluice.Formats.Oci;

namespace Sluice.Storage.Traces;

/// <summary>What was read of an image while a container started: each chunk once, in the order of the first reads.</summary>
/// <param name="Manifest">The image.</param>
/// <param name="Reads">By time.</param>
public sealed record StartTrace(Digest Manifest, IReadOnlyList<TraceRead> Reads)
{
    /// <summary>Blob space bytes that were read.</summary>
    public long Bytes => Reads.Sum(read => (long)read.Length);

    /// <summary>What the container was started with; null: not known.</summary>
    public StartCommand? Command { get; init; }

    /// <summary>The image was mounted before: what the kernel had in its page cache from earlier starts is missing.</summary>
    public bool IsWarm { get; init; }

    /// <summary>What was fetched ahead of this start; null: nothing, or it is not known.</summary>
    public PrefetchOutcome? Ahead { get; init; }

    /// <summary>Until the last read had its bytes.</summary>
    public TimeSpan Length => Reads.Count == 0 ? TimeSpan.Zero : Reads.Max(read => read.Served);

    /// <summary>The same with the files of its reads, where they are known.</summary>
    public StartTrace Named(Func<TraceRead, FilePlace?> find) => this with { Reads = [.. Reads.Select(read => read with { File = find(read) ?? read.File })] };

    /// <summary>The same for other nodes: without what says something of this one, where its bytes came from and how long that took.</summary>
    public StartTrace ForOthers() => this with { Reads = [.. Reads.Select(read => read with { Source = null, Waited = null })] };

    /// <summary>What any of some starts of one image read: all that the first did, in its order, then what the second did besides, and so on; null: there were none.</summary>
    public static StartTrace? Follow(IReadOnlyList<StartTrace> traces)
    {
        if (traces.Count < 2) return traces.Count == 0 ? null : traces[0];
        IEnumerable<TraceRead> reads = traces.SelectMany(trace => trace.Reads).DistinctBy(read => (read.Blob, read.Offset));
        return new StartTrace(traces[0].Manifest, [.. reads.Take(TraceRecorder.MaxReads)]);
    }

    /// <summary>What any of some starts of one image read, by the earliest time; null: there were none.</summary>
    public static StartTrace? Join(IReadOnlyList<StartTrace> traces)
    {
        if (traces.Count < 2) return traces.Count == 0 ? null : traces[0];
        IEnumerable<TraceRead> reads = traces.SelectMany(trace => trace.Reads).GroupBy(read => (read.Blob, read.Offset)).Select(same => same.MinBy(read => read.At)).OrderBy(read => read.At);
        return new StartTrace(traces[0].Manifest, [.. reads.Take(TraceRecorder.MaxReads)]);
    }
}
