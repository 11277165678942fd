using Sluice.Formats.Oci;
using Sluice.Storage.Cache;
using Sluice.Storage.Fetching;

namespace Sluice.Storage.Traces;

/// <summary>
/// Fetches what a plan says, in its order, and in requests and at a pace that suit the line (<see cref="PacedFetches"/>). Ranges that make no sense for the image are left out. It gives up when it does not help: after <see cref="MostFailures"/> ranges that could not be had, or were not kept.
/// </summary>
/// <param name="former">Of the same image lately: this one knows the line from it.</param>
public sealed class PrefetchRun(PrefetchPlan plan, PrefetchRun? former = null)
{
    private const int MostFailures = 3;

    private readonly Dictionary<(Digest Blob, int Chunk), int> _asked = []; // and their lengths

    private readonly PacedFetches _fetches = new(FetchPriority.Prefetch, TimeProvider.System, former?._fetches);
    private long _here;
    private PrefetchPlan? _instead;
    private int _leftOut;

    /// <summary>Blob space bytes that are here and that the plan asked for.</summary>
    public long Bytes => Volatile.Read(ref _here) + _fetches.Bytes;

    /// <summary>Ranges that could not be had, or kept: the read that needs them will say why.</summary>
    public long Failed => _fetches.Failed;

    /// <summary>Ranges that the plan has and the image can't: of other blobs, or outside of them. It is of another image, or stale.</summary>
    public int LeftOut => Volatile.Read(ref _leftOut);

    /// <summary>Another plan holds: what is under way goes on, and of the first nothing more is begun. Of use as long as it runs.</summary>
    public void Follow(PrefetchPlan other) => Volatile.Write(ref _instead, other);

    /// <summary>Once. Ends when everything was asked for and has come or failed, or when it gives up; nothing is under way then, cancelled or not. Never faults but by cancellation.</summary>
    /// <param name="readers">Of the image, by blob.</param>
    /// <param name="rate">Shared by all runs of the node; null: no bound.</param>
    /// <param name="mayEvict">False: it gives up when the cache has no more room, too.</param>
    public async Task RunAsync(IReadOnlyDictionary<Digest, BlobReader> readers, DownloadRate? rate, bool mayEvict, CancellationToken cancellation)
    {
        try
        {
            await BeginAllAsync(readers, rate, mayEvict, cancellation);
        }
        finally
        {
            await _fetches.DrainAsync();
        }

        cancellation.ThrowIfCancellationRequested();
    }

    private async Task BeginAllAsync(IReadOnlyDictionary<Digest, BlobReader> readers, DownloadRate? rate, bool mayEvict, CancellationToken cancellation)
    {
        PlanCursor cursor = Through(plan, readers);
        while (cursor.TryTake(_fetches.MostOfOne, _fetches.Gap, _fetches.Ahead, out PlanRange range))
        {
            cancellation.ThrowIfCancellationRequested();
            if (Failed >= MostFailures) return;
            if (Interlocked.Exchange(ref _instead, null) is { } other)
            {
                cursor = Through(other, readers);
                continue;
            }

            BlobReader reader = readers[range.Blob];
            if (reader.Holds(range.Offset, range.Length)) // by now: a read was faster
            {
                Interlocked.Add(ref _here, range.Length);
                continue;
            }

            if (!mayEvict && !reader.HasRoomFor(_fetches.UnderWay + range.Length)) return;
            if (rate is not null) await rate.TakeAsync(WireLength(reader, range), cancellation);
            await _fetches.BeginAsync(reader, range.Offset, range.Length, cancellation, () => Note(reader, range));
        }
    }

    private PlanCursor Through(PrefetchPlan followed, IReadOnlyDictionary<Digest, BlobReader> readers) => new(Missing(followed, readers), (range, place) => EndOfUnit(readers[range.Blob].Format, place));

    /// <summary>What is asked for, when it is: the rest was here.</summary>
    private void Note(BlobReader reader, PlanRange range)
    {
        foreach (ChunkExtent chunk in reader.MissingIn(range.Offset, range.Length)) _asked[(range.Blob, chunk.Number)] = chunk.Length;
    }

    /// <summary>A plan's ranges but for those that are here, and those that can't be.</summary>
    private List<PlanRange> Missing(PrefetchPlan followed, IReadOnlyDictionary<Digest, BlobReader> readers)
    {
        List<PlanRange> missing = [];
        int leftOut = 0;
        foreach (PlanRange range in followed.Ranges)
        {
            if (!readers.TryGetValue(range.Blob, out BlobReader? reader) || !IsPossible(range, reader)) leftOut++;
            else if (reader.Holds(range.Offset, range.Length)) Interlocked.Add(ref _here, range.Length);
            else missing.Add(range);
        }

        Volatile.Write(ref _leftOut, leftOut);
        return missing;
    }

    /// <summary>What came of runs for one start; when they have ended.</summary>
    /// <param name="open">Readers of the image, by blob.</param>
    public static PrefetchOutcome OutcomeOf(IEnumerable<PrefetchRun> runs, TraceRecorder recorder, IReadOnlyDictionary<Digest, BlobReader> open)
    {
        long fetched = 0, unread = 0;
        HashSet<(Digest, int)> counted = [];
        foreach (((Digest blob, int chunk), int length) in runs.SelectMany(run => run._asked))
        {
            if (!open.TryGetValue(blob, out BlobReader? reader) || !reader.Cache.IsPresent(chunk) || !counted.Add((blob, chunk))) continue;
            fetched += length;
            if (!recorder.WasRead(blob, chunk)) unread += length;
        }

        return new PrefetchOutcome(fetched, unread);
    }

    /// <summary>About what comes over the wire for a range.</summary>
    private static long WireLength(BlobReader reader, PlanRange range)
    {
        (long length, int last) = (0, -1);
        foreach (ChunkExtent chunk in reader.MissingIn(range.Offset, range.Length))
        {
            int unit = reader.Format.GetUnitOf(reader.Format.Find(chunk.Offset));
            if (unit == last) continue;
            last = unit;
            length += reader.Format.GetUnit(unit).CompressedLength;
        }

        return length;
    }

    private static long EndOfUnit(IBlobFormat format, long place)
    {
        int slot = format.Find(place);
        if (slot >= format.Count || format.GetExtent(slot).Offset >= place) return place;
        int unit = format.GetUnitOf(slot);
        while (slot + 1 < format.Count && format.GetUnitOf(slot + 1) == unit) slot++;
        return format.GetExtent(slot).End;
    }

    private static bool IsPossible(PlanRange range, BlobReader reader) => range.Offset >= 0 && range.Length > 0 && range.Offset <= reader.Format.Length - range.Length;
}
