namespace Sluice.Storage.Traces;

/// <summary>Goes through the ranges of a plan in their order, in requests that suit the line: the faster it is, the more a request costs beside what it brings.</summary>
/// <param name="ranges">Of the plan, as far as they are wanted.</param>
/// <param name="endOf">The end of the unit of a blob that a place lies in, or the place, if one begins there: in pieces, units stay whole.</param>
internal sealed class PlanCursor(IReadOnlyCollection<PlanRange> ranges, Func<PlanRange, long, long>? endOf = null)
{
    /// <summary>So many of those that are left are looked at for what lies near.</summary>
    private const int Depth = 256;

    /// <summary>A part of the plan, and as much in gaps is fetched for nothing, at most: much less than a fifth of it all.</summary>
    private const int GapShare = 8;

    private readonly LinkedList<PlanRange> _left = new(ranges);
    private long _gapsLeft = ranges.Sum(range => range.Length) / GapShare;

    /// <summary>What is needed next, and with it what lies near and is needed soon; of a range that is too long, the beginning. False: nothing is left.</summary>
    /// <param name="most">Bytes of it, but for the rest of a unit.</param>
    /// <param name="gap">Bytes between two ranges that are taken along.</param>
    /// <param name="ahead">So many bytes of the plan may be passed over to find what lies near.</param>
    public bool TryTake(long most, long gap, long ahead, out PlanRange range)
    {
        range = default;
        if (_left.First is not { } first) return false;
        range = first.Value;
        _left.RemoveFirst();
        if (range.Length > most) range = Cut(range, most);
        else while (TryGrow(ref range, most, gap, ahead)) { }
        return true;
    }

    private PlanRange Cut(in PlanRange range, long most)
    {
        long end = endOf?.Invoke(range, range.Offset + most) ?? range.Offset + most;
        if (end >= range.End) return range;
        _left.AddFirst(range with { Offset = end, Length = range.End - end });
        return range with { Length = end - range.Offset };
    }

    private bool TryGrow(ref PlanRange range, long most, long gap, long ahead)
    {
        (bool grew, int looked) = (false, 0);
        for (LinkedListNode<PlanRange>? node = _left.First, next; node is not null && ahead >= 0 && looked++ < Depth; node = next)
        {
            next = node.Next;
            if (TryJoin(range, node.Value, most, gap) is { } joined)
            {
                (range, grew) = (joined, true);
                _left.Remove(node);
            }
            else
            {
                ahead -= node.Value.Length;
            }
        }

        return grew;
    }

    private PlanRange? TryJoin(in PlanRange one, in PlanRange other, long most, long gap)
    {
        if (one.Blob != other.Blob) return null;
        long between = Math.Max(Math.Max(other.Offset - one.End, one.Offset - other.End), 0);
        (long start, long end) = (Math.Min(one.Offset, other.Offset), Math.Max(one.End, other.End));
        if (between > Math.Min(gap, _gapsLeft) || end - start > most) return null;
        _gapsLeft -= between;
        return new PlanRange(one.Blob, start, end - start);
    }
}
