using Sluice.Formats.Oci;

namespace Sluice.Storage.Traces;

/// <summary>What to fetch for a start before it is asked for: few ranges, in the order in which they will be needed.</summary>
public sealed class PrefetchPlan
{
    /// <summary>Blob space that is fetched along rather than asking twice. It counts as waste, unless somebody reads it.</summary>
    private const int MergeGap = 16 << 10;

    /// <summary>Most blob space of a range: what is needed next must not wait behind what is needed later. A run cuts and joins them as its line allows.</summary>
    private const int MaxLength = 1 << 20;

    /// <summary>A read joins a range only if it came this soon after the range's first.</summary>
    private static readonly TimeSpan MaxSpread = TimeSpan.FromMilliseconds(500);

    /// <summary>How many of the latest ranges a read may join.</summary>
    private const int Depth = 64;

    /// <summary>Most blob space of a plan: no start needs more, whatever a trace from elsewhere says.</summary>
    private const long MostBytes = 512 << 20;

    private PrefetchPlan(IReadOnlyList<PlanRange> ranges) => Ranges = ranges;

    public IReadOnlyList<PlanRange> Ranges { get; }

    /// <summary>Blob space bytes.</summary>
    public long Bytes => Ranges.Sum(range => range.Length);

    /// <summary>Of a start.</summary>
    public static PrefetchPlan Of(StartTrace trace)
    {
        List<Draft> drafts = [];
        HashSet<(Digest Blob, long Offset)> known = [];
        long bytes = 0;
        foreach (TraceRead read in trace.Reads)
        {
            if (bytes + read.Length > MostBytes || !known.Add((read.Blob, read.Offset))) continue;
            bytes += read.Length;
            bool joined = false;
            for (int index = drafts.Count - 1; index >= 0 && index >= drafts.Count - Depth && !joined; index--) joined = drafts[index].TryAdd(read);
            if (!joined) drafts.Add(new Draft(read));
        }

        return new PrefetchPlan([.. drafts.Select(draft => draft.ToRange())]);
    }

    private sealed class Draft(TraceRead first)
    {
        private long _start = first.Offset;
        private long _end = first.Offset + first.Length;

        public bool TryAdd(TraceRead read)
        {
            if (read.Blob != first.Blob || read.At - first.At > MaxSpread) return false;
            (long start, long end) = (Math.Min(_start, read.Offset), Math.Max(_end, read.Offset + read.Length));
            if (end - start > MaxLength || read.Offset > _end + MergeGap || read.Offset + read.Length < _start - MergeGap) return false;
            (_start, _end) = (start, end);
            return true;
        }

        public PlanRange ToRange() => new(first.Blob, _start, _end - _start);
    }
}
