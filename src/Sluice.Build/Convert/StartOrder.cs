using Sluice.Formats.Prefetch;
using Sluice.Formats.Trees;

namespace Sluice.Build.Convert;

/// <summary>Which chunks of the files of an image a start needs, and which of them first.</summary>
internal sealed class StartOrder
{
    /// <summary>Of a chunk that no start needs.</summary>
    public const int None = int.MaxValue;

    private readonly Dictionary<FileName, List<(FileRange Range, int Rank)>> _ranges = [];

    /// <param name="files">In the order of the start.</param>
    public StartOrder(IReadOnlyList<FileRange> files)
    {
        for (int rank = 0; rank < files.Count; rank++)
        {
            FileName path = Trim(files[rank].Path.Bytes);
            if (!_ranges.TryGetValue(path, out List<(FileRange, int)>? ranges)) _ranges[path] = ranges = [];
            ranges.Add((files[rank], rank));
        }
    }

    /// <summary>The places of a file's chunks in the order, <see cref="None"/> where a chunk has none; null if none has one.</summary>
    /// <param name="path">From the root, with or without a separator before it.</param>
    public int[]? RanksOf(FileName path, long size, int chunkSize)
    {
        if (_ranges.Count == 0) return null;
        int[]? ranks = null;
        ReadOnlySpan<byte> name = path.Bytes.Trim((byte)'/');
        for (bool isFile = true; !name.IsEmpty; name = name[..Math.Max(name.LastIndexOf((byte)'/'), 0)], isFile = false)
        {
            if (!_ranges.TryGetValue(new FileName(name), out List<(FileRange Range, int Rank)>? ranges)) continue;
            foreach ((FileRange range, int rank) in ranges)
            {
                if (!isFile && !range.IsAll) continue;
                ranks ??= NewRanks((int)((size + chunkSize - 1) / chunkSize));
                long end = Math.Min(range.End, size);
                for (long chunk = range.Offset / chunkSize; chunk * chunkSize < end; chunk++) ranks[chunk] = Math.Min(ranks[chunk], rank);
            }
        }

        return ranks;
    }

    private static FileName Trim(ReadOnlySpan<byte> path) => new(path.Trim((byte)'/'));

    private static int[] NewRanks(int count)
    {
        int[] ranks = new int[count];
        Array.Fill(ranks, None);
        return ranks;
    }
}
