using Sluice.Storage.Cache;

namespace Sluice.Storage.Fetching;

/// <summary>Cuts missing units into ranges worth one request each: near neighbours together, small ones grown.</summary>
internal static class FetchPlanner
{
    // Units between two wanted ones are looked at one by one; more than this many in a gap are no gap.
    private const int MaxUnitsInGap = 64;

    /// <param name="wanted">Units that are asked for, ascending, without repetition.</param>
    /// <param name="isMissing">True for a unit that is neither local nor on its way.</param>
    /// <param name="grow">Whether the last range may grow to <see cref="FetchOptions.Amplification"/>.</param>
    /// <returns>Per range the units to take, ascending; ranges do not overlap.</returns>
    public static List<List<int>> Plan(IBlobFormat format, List<int> wanted, Func<int, bool> isMissing, FetchOptions options, bool grow)
    {
        List<List<int>> ranges = [];
        Range range = default;
        foreach (int unit in wanted)
        {
            FetchUnit extent = format.GetUnit(unit);
            if (range.Units is { } units && range.Admits(extent, options, options.MaxFetch) && unit - units[^1] <= MaxUnitsInGap)
            {
                for (int between = units[^1] + 1; between < unit; between++)
                {
                    FetchUnit extra = format.GetUnit(between);
                    if (range.Decoded + extra.DecodedLength + extent.DecodedLength > options.MaxDecoded) break;
                    if (isMissing(between)) range.Add(between, extra);
                }
            }
            else
            {
                range = new Range([]);
                ranges.Add(range.Units!);
            }

            range.Add(unit, extent);
        }

        if (grow && range.Units is not null) Grow(format, ref range, isMissing, options);
        return ranges;
    }

    private static void Grow(IBlobFormat format, ref Range range, Func<int, bool> isMissing, FetchOptions options)
    {
        int limit = Math.Min(options.Amplification, options.MaxFetch);
        for (int unit = range.Units![^1] + 1; unit < format.UnitCount; unit++)
        {
            FetchUnit extent = format.GetUnit(unit);
            if (!range.Admits(extent, options, limit) || !isMissing(unit)) return;
            range.Add(unit, extent);
        }
    }

    private struct Range(List<int> units)
    {
        private long _start = long.MaxValue;
        private long _end;

        public List<int>? Units { get; } = units;

        public long Decoded { get; private set; }

        public void Add(int unit, FetchUnit extent)
        {
            Units!.Add(unit);
            _start = Math.Min(_start, extent.CompressedOffset);
            _end = Math.Max(_end, extent.CompressedEnd);
            Decoded += extent.DecodedLength;
        }

        public readonly bool Admits(FetchUnit extent, FetchOptions options, long maxLength) =>
            extent.CompressedOffset - _end <= options.MergeGap
            && Math.Max(_end, extent.CompressedEnd) - _start <= maxLength
            && Decoded + extent.DecodedLength <= options.MaxDecoded;
    }
}
