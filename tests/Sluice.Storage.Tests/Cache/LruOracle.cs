namespace Sluice.Storage.Tests.Cache;

/// <summary>What LRU over single chunks would hit, with all of the quota.</summary>
internal static class LruOracle
{
    public static int CountHits(IEnumerable<int> trace, int capacity)
    {
        Dictionary<int, LinkedListNode<int>> nodes = [];
        LinkedList<int> order = new();
        int hits = 0;
        foreach (int chunk in trace)
        {
            if (nodes.TryGetValue(chunk, out LinkedListNode<int>? node))
            {
                hits++;
                order.Remove(node);
            }
            else
            {
                node = new LinkedListNode<int>(chunk);
                nodes[chunk] = node;
                if (nodes.Count > capacity)
                {
                    nodes.Remove(order.Last!.Value);
                    order.RemoveLast();
                }
            }

            order.AddFirst(node);
        }

        return hits;
    }
}
