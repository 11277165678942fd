using System.Globalization;
using System.Runtime.CompilerServices;

namespace Sluice.Storage.Tests.Cache;

/// <summary>A recording of which chunks were read, in which order. See Recordings/README.md.</summary>
/// <param name="Lengths">Bytes of each chunk.</param>
/// <param name="Reads">Places in <paramref name="Lengths"/>.</param>
internal sealed record RecordedReads(int[] Lengths, int[] Reads)
{
    public static RecordedReads Load(string name, [CallerFilePath] string here = "")
    {
        string[] lines = File.ReadAllLines(Path.Combine(Path.GetDirectoryName(here)!, "Recordings", name + ".reads"));
        return new RecordedReads(
            [.. lines[0].Split(' ').Select(item => item.Split('x')).SelectMany(item => Enumerable.Repeat(Number(item[0]), Number(item[1])))],
            [.. lines[1].Split(' ').Select(item => item.Split('-')).SelectMany(item => Enumerable.Range(Number(item[0]), Number(item[^1]) - Number(item[0]) + 1))]);
    }

    /// <summary>Hits of LRU over single chunks, in a cache of so many bytes.</summary>
    public int CountLruHits(long capacity)
    {
        Dictionary<int, LinkedListNode<int>> nodes = [];
        LinkedList<int> order = new();
        long used = 0;
        int hits = 0;
        foreach (int chunk in Reads)
        {
            if (nodes.TryGetValue(chunk, out LinkedListNode<int>? node))
            {
                hits++;
                order.Remove(node);
            }
            else
            {
                nodes[chunk] = node = new LinkedListNode<int>(chunk);
                used += BlocksOf(chunk);
                while (used > capacity && order.Last is { } last)
                {
                    used -= BlocksOf(last.Value);
                    nodes.Remove(last.Value);
                    order.RemoveLast();
                }
            }

            order.AddFirst(node);
        }

        return hits;
    }

    public long BlocksOf(int chunk) => (Lengths[chunk] + 4095) & ~4095L;

    private static int Number(string text) => int.Parse(text, CultureInfo.InvariantCulture);
}
