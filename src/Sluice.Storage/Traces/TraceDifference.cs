using System.Globalization;
using Sluice.Formats.Oci;

namespace Sluice.Storage.Traces;

/// <summary>
/// How two starts differ: file by file, so that traces of different conversions of an image can be compared; what no file is known for, chunk by chunk. Times differ from start to start and
/// say little: what has moved is told by the order of first reads, as the fewest that must change places to turn one order into the other.
/// </summary>
public static class TraceDifference
{
    /// <summary>What either start read, in the order of the second; what only the first read comes last.</summary>
    public static IReadOnlyList<TraceChange> Of(StartTrace before, StartTrace after)
    {
        Dictionary<(Digest, long), FilePlace> known = [];
        foreach (TraceRead read in before.Reads.Concat(after.Reads))
        {
            if (read.File is { } file) known.TryAdd((read.Blob, read.Offset), file);
        }

        (Dictionary<string, Item> first, Dictionary<string, Item> second) = (Items(before, known), Items(after, known));
        string[] common = [.. second.Keys.Where(first.ContainsKey)];
        Dictionary<string, int> ranks = first.Keys.Where(second.ContainsKey).Select((name, rank) => (name, rank)).ToDictionary(StringComparer.Ordinal);
        Dictionary<string, int> moves = common.Zip(Moves([.. common.Select(name => ranks[name])])).ToDictionary(pair => pair.First, pair => pair.Second, StringComparer.Ordinal);
        return
        [
            .. second.Select(item => new TraceChange(item.Key, first.GetValueOrDefault(item.Key)?.PartBeside(item.Value), item.Value.PartBeside(first.GetValueOrDefault(item.Key)), moves.GetValueOrDefault(item.Key))),
            .. first.Where(item => !second.ContainsKey(item.Key)).Select(item => new TraceChange(item.Key, item.Value.PartBeside(null), null, 0)),
        ];
    }

    private static Dictionary<string, Item> Items(StartTrace trace, Dictionary<(Digest, long), FilePlace> known)
    {
        Dictionary<string, Item> items = new(StringComparer.Ordinal);
        foreach (TraceRead read in trace.Reads)
        {
            FilePlace? file = read.File ?? (known.TryGetValue((read.Blob, read.Offset), out FilePlace place) ? place : null);
            string name = file?.Path ?? string.Create(CultureInfo.InvariantCulture, $"{read.Blob.ToString()[..19]} at {read.Offset}");
            if (!items.TryGetValue(name, out Item? item)) items[name] = item = new Item(read.At);
            item.Add(read, file?.Offset ?? read.Offset);
        }

        return items;
    }

    /// <summary>How far each element is from its place, 0 for those of a longest ascending run: they have stayed, and the others have moved about them.</summary>
    /// <param name="ranks">A permutation of 0 and up.</param>
    private static int[] Moves(int[] ranks)
    {
        List<int> ends = []; // index of the least element that an ascending run of each length ends with
        int[] before = new int[ranks.Length];
        for (int index = 0; index < ranks.Length; index++)
        {
            (int low, int high) = (0, ends.Count);
            while (low < high)
            {
                int middle = (low + high) >>> 1;
                if (ranks[ends[middle]] < ranks[index]) low = middle + 1;
                else high = middle;
            }

            before[index] = low == 0 ? -1 : ends[low - 1];
            if (low == ends.Count) ends.Add(index);
            else ends[low] = index;
        }

        int[] moves = [.. ranks.Select((rank, index) => index == rank ? 1 : index - rank)]; // one that is pushed aside and back has moved, too
        for (int index = ends.Count == 0 ? -1 : ends[^1]; index >= 0; index = before[index]) moves[index] = 0;
        return moves;
    }

    private sealed class Item(TimeSpan first)
    {
        private readonly List<(long Start, long End)> _ranges = []; // of the file, or blob
        private int _waited;

        public void Add(TraceRead read, long offset)
        {
            _ranges.Add((offset, offset + read.Length));
            if (!read.WasHere) _waited++;
        }

        public TracePart PartBeside(Item? other)
        {
            List<(long Start, long End)> mine = Merged();
            long bytes = mine.Sum(range => range.End - range.Start);
            return new TracePart(first, _ranges.Count, _waited, bytes, bytes - (other is null ? 0 : Shared(mine, other.Merged())));
        }

        private List<(long Start, long End)> Merged()
        {
            List<(long Start, long End)> merged = [];
            foreach ((long start, long end) in _ranges.Order())
            {
                if (merged.Count > 0 && start <= merged[^1].End) merged[^1] = (merged[^1].Start, Math.Max(merged[^1].End, end));
                else merged.Add((start, end));
            }

            return merged;
        }

        private static long Shared(List<(long Start, long End)> one, List<(long Start, long End)> other)
        {
            long shared = 0;
            for ((int i, int j) = (0, 0); i < one.Count && j < other.Count;)
            {
                shared += Math.Max(0, Math.Min(one[i].End, other[j].End) - Math.Max(one[i].Start, other[j].Start));
                if (one[i].End < other[j].End) i++;
                else j++;
            }

            return shared;
        }
    }
}
