namespace Sluice.Storage.Traces;

/// <summary>Goes through the ranges of a plan in their order, in requests that suit the line: the faster it is, the more a request costs beside what it brings.</summary>
internal sealed class PlanCursor(IEnumerable<PlanRange> ranges)
{
    /// <summary>So many of those that are left are looked at for what lies near.</summary>
    private const int Depth = 256;

    private readonly LinkedList<PlanRange> _left = new(ranges);

    /// <summary>What is needed next, and with it what lies near and is needed soon; of a range that is too long, the beginning. False: nothing is left.</summary>
    /// <param name="most">Bytes of it.</param>
    /// <param name="gap">Bytes between two ranges that are taken along.</param>
    /// <param name="ahead">So many bytes of the plan may be passed over to find what lies near.</param>
    public bool TryTake(long most, long gap, long ahead, out PlanRange range)
    {
        range = default;
        if (_left.First is not { } first) return false;
        range = first.Value;
        _left.RemoveFirst();
        if (range.Length > most)
        {
            _left.AddFirst(range with { Offset = range.Offset + most, Length = range.Length - most });
            range = range with { Length = most };
            return true;
        }

        while (TryGrow(ref range, most, gap, ahead)) { }
        return true;
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

    private static PlanRange? TryJoin(in PlanRange one, in PlanRange other, long most, long gap)
    {
        if (one.Blob != other.Blob || other.Offset - one.End > gap || one.Offset - other.End > gap) return null;
        (long start, long end) = (Math.Min(one.Offset, other.Offset), Math.Max(one.End, other.End));
        return end - start <= most ? new PlanRange(one.Blob, start, end - start) : null;
    }
}
