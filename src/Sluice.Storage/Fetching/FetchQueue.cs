namespace Sluice.Storage.Fetching;

/// <summary>Fetches that wait, in order of priority, then of arrival. Guarded by the fetcher's lock.</summary>
internal sealed class FetchQueue
{
    private readonly LinkedList<SourceFetch>[] _lists = [new(), new(), new()];

    public int Count(FetchPriority priority) => _lists[(int)priority].Count;

    public LinkedListNode<SourceFetch>? First(FetchPriority priority) => _lists[(int)priority].First;

    public void Add(SourceFetch fetch)
    {
        fetch.IsQueued = true;
        _lists[(int)fetch.Priority].AddLast(fetch);
    }

    /// <summary>For another attempt: whoever waits has waited longest.</summary>
    public void AddFirst(SourceFetch fetch)
    {
        fetch.IsQueued = true;
        _lists[(int)fetch.Priority].AddFirst(fetch);
    }

    public void Remove(LinkedListNode<SourceFetch> node)
    {
        node.Value.IsQueued = false;
        _lists[(int)node.Value.Priority].Remove(node);
    }

    public void Promote(SourceFetch fetch, FetchPriority priority)
    {
        if (fetch.Priority <= priority) return;
        if (fetch.IsQueued)
        {
            _lists[(int)fetch.Priority].Remove(fetch);
            _lists[(int)priority].AddLast(fetch);
        }

        fetch.Priority = priority;
    }

    /// <summary>A queued first attempt of <paramref name="reader"/> that a range can go along with.</summary>
    public SourceFetch? FindNeighbour(BlobReader reader, long start, long end, long decoded, FetchOptions options)
    {
        foreach (LinkedList<SourceFetch> list in _lists)
        {
            int looked = 0;
            foreach (SourceFetch fetch in list)
            {
                if (looked++ == 256) break;
                if (fetch.Owner != reader || fetch.Attempts != 0) continue;
                if (start - fetch.End > options.MergeGap || fetch.Start - end > options.MergeGap) continue;
                if (Math.Max(end, fetch.End) - Math.Min(start, fetch.Start) > options.MaxFetch) continue;
                if (fetch.DecodedLength + decoded <= options.MaxDecoded) return fetch;
            }
        }

        return null;
    }

    public List<SourceFetch> RemoveAll(Func<SourceFetch, bool> condition)
    {
        List<SourceFetch> removed = [];
        foreach (LinkedList<SourceFetch> list in _lists)
        {
            for (LinkedListNode<SourceFetch>? node = list.First; node is not null;)
            {
                LinkedListNode<SourceFetch>? next = node.Next;
                if (condition(node.Value))
                {
                    removed.Add(node.Value);
                    Remove(node);
                }

                node = next;
            }
        }

        return removed;
    }
}
