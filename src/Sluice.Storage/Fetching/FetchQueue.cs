using Sluice.Storage.Activity;

namespace Sluice.Storage.Fetching;

/// <summary>
/// Fetches that wait: by priority, within one by image in turn, within an image in order of arrival. Guarded by the fetcher's lock.
/// </summary>
internal sealed class FetchQueue
{
    // Merging looks at so many of the latest and no more.
    private const int MergeDepth = 256;

    private readonly LinkedList<Lane>[] _turns = [new(), new(), new()];
    private readonly Dictionary<(ImageActivity Image, FetchPriority Priority), LinkedListNode<Lane>> _lanes = [];
    private readonly int[] _counts = new int[3];

    public int Count(FetchPriority priority) => _counts[(int)priority];

    /// <summary>Images with fetches of a priority, in the order of their turns.</summary>
    public LinkedList<Lane> Turns(FetchPriority priority) => _turns[(int)priority];

    /// <summary>All that wait, in no order.</summary>
    public IEnumerable<SourceFetch> All => _lanes.Values.SelectMany(lane => lane.Value.Fetches);

    public void Add(SourceFetch fetch) => LaneOf(fetch).Fetches.AddLast(fetch);

    /// <summary>For another attempt: whoever waits has waited longest.</summary>
    public void AddFirst(SourceFetch fetch) => LaneOf(fetch).Fetches.AddFirst(fetch);

    public void Remove(LinkedListNode<SourceFetch> node)
    {
        LinkedListNode<Lane> lane = _lanes[(node.Value.Image, node.Value.Priority)];
        lane.Value.Fetches.Remove(node);
        Removed(node.Value, lane);
    }

    /// <summary>An image had its turn.</summary>
    public void EndTurn(Lane lane)
    {
        if (!_lanes.TryGetValue((lane.Image, lane.Priority), out LinkedListNode<Lane>? node)) return; // nothing is left of it
        _turns[(int)lane.Priority].Remove(node);
        _turns[(int)lane.Priority].AddLast(node);
    }

    public void Promote(SourceFetch fetch, FetchPriority priority)
    {
        if (fetch.Priority <= priority) return;
        bool queued = fetch.IsQueued;
        if (queued) Remove(_lanes[(fetch.Image, fetch.Priority)].Value.Fetches.Find(fetch)!);
        fetch.Priority = priority;
        if (queued) Add(fetch);
    }

    /// <summary>A queued first attempt of <paramref name="reader"/> that a range can go along with.</summary>
    public SourceFetch? FindNeighbour(BlobReader reader, long start, long end, long decoded, FetchOptions options)
    {
        for (FetchPriority priority = FetchPriority.Demand; priority <= FetchPriority.Background; priority++)
        {
            if (!_lanes.TryGetValue((reader.Activity, priority), out LinkedListNode<Lane>? lane)) continue;
            int looked = 0;
            foreach (SourceFetch fetch in lane.Value.Fetches)
            {
                if (looked++ == MergeDepth) break;
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
        foreach (Lane lane in _lanes.Values.Select(node => node.Value).ToList())
        {
            for (LinkedListNode<SourceFetch>? node = lane.Fetches.First; node is not null;)
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

    private Lane LaneOf(SourceFetch fetch)
    {
        fetch.IsQueued = true;
        _counts[(int)fetch.Priority]++;
        if (_lanes.TryGetValue((fetch.Image, fetch.Priority), out LinkedListNode<Lane>? known)) return known.Value;
        Lane lane = new(fetch.Image, fetch.Priority);
        _lanes.Add((fetch.Image, fetch.Priority), _turns[(int)fetch.Priority].AddLast(lane));
        return lane;
    }

    private void Removed(SourceFetch fetch, LinkedListNode<Lane> lane)
    {
        fetch.IsQueued = false;
        _counts[(int)fetch.Priority]--;
        if (lane.Value.Fetches.Count != 0) return;
        _lanes.Remove((fetch.Image, fetch.Priority));
        _turns[(int)fetch.Priority].Remove(lane);
    }

    /// <summary>What waits for one image at one priority.</summary>
    internal sealed class Lane(ImageActivity image, FetchPriority priority)
    {
        public ImageActivity Image { get; } = image;

        public FetchPriority Priority { get; } = priority;

        public LinkedList<SourceFetch> Fetches { get; } = [];
    }
}
