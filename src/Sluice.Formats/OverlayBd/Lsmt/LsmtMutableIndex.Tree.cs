using System.Diagnostics.CodeAnalysis;

namespace Sluice.Formats.OverlayBd.Lsmt;

// The tree. A leaf holds extents whose offsets lie between its key and the next leaf's; they may reach beyond that. Leaves are
// linked. A leaf goes when it is empty: layers are written more than they are discarded, so nothing is merged earlier.
public sealed partial class LsmtMutableIndex
{
    private const int LeafSize = 128;
    private const int Fanout = 64;

    private Node _root = new Leaf();

    /// <summary>The first extent that ends behind a sector.</summary>
    private bool TryFind(long sector, [NotNullWhen(true)] out Leaf? leaf, out int at)
    {
        Node node = _root;
        while (node is Inner inner) node = inner.Children[inner.Find(sector)];
        leaf = (Leaf)node;
        at = leaf.Find(sector);

        // Of those that begin at or before the sector, only the last can end behind it. It may be in the leaf before.
        if (at > 0 && leaf.Items[at - 1].End > sector)
        {
            at--;
            return true;
        }

        if (at == 0 && leaf.Previous is { } previous && previous.Items[previous.Count - 1].End > sector)
        {
            leaf = previous;
            at = previous.Count - 1;
            return true;
        }

        if (at == leaf.Count)
        {
            leaf = leaf.Next;
            at = 0;
        }

        return leaf is not null;
    }

    private void Add(in LsmtExtent extent)
    {
        Count++;
        if (Add(_root, extent, out long key) is not { } right) return;
        var root = new Inner { Count = 2 };
        (root.Children[0], root.Children[1], root.Keys[1]) = (_root, right, key);
        _root = root;
    }

    /// <returns>The new right half, when the node was full, and the key it begins at.</returns>
    private static Node? Add(Node node, in LsmtExtent extent, out long key)
    {
        key = 0;
        if (node is Leaf leaf)
        {
            int at = leaf.Find(extent.Offset);
            if (leaf.Count < LeafSize)
            {
                leaf.Insert(at, extent);
                return null;
            }

            Leaf half = leaf.Split(at);
            if (at > leaf.Count || leaf.Count == LeafSize) half.Insert(at - leaf.Count, extent);
            else leaf.Insert(at, extent);
            key = half.Items[0].Offset;
            return half;
        }

        var inner = (Inner)node;
        int child = inner.Find(extent.Offset);
        if (Add(inner.Children[child], extent, out long childKey) is not { } added) return null;
        if (inner.Count < Fanout)
        {
            inner.Insert(child + 1, added, childKey);
            return null;
        }

        Inner right = inner.Split(out key);
        if (child + 1 > inner.Count) right.Insert(child + 1 - inner.Count, added, childKey);
        else inner.Insert(child + 1, added, childKey);
        return right;
    }

    private void RemoveRun(Leaf leaf, int from, int to)
    {
        long key = leaf.Items[from].Offset;
        Array.Copy(leaf.Items, to, leaf.Items, from, leaf.Count - to);
        leaf.Count -= to - from;
        Count -= to - from;
        if (leaf.Count > 0 || _root is not Inner root) return;
        RemoveLeaf(root, key);
        while (_root is Inner { Count: 1 } single) _root = single.Children[0];
    }

    /// <summary>Takes out the empty leaf that <paramref name="key"/> belongs to, and inner nodes that become empty by this.</summary>
    private static void RemoveLeaf(Inner node, long key)
    {
        int at = node.Find(key);
        if (node.Children[at] is Inner inner)
        {
            RemoveLeaf(inner, key);
            if (inner.Count > 0) return;
        }
        else
        {
            ((Leaf)node.Children[at]).Unlink();
        }

        node.RemoveAt(at);
    }

    private abstract class Node
    {
        public int Count { get; set; }
    }

    private sealed class Leaf : Node
    {
        public LsmtExtent[] Items { get; } = new LsmtExtent[LeafSize];

        public Leaf? Previous { get; private set; }

        public Leaf? Next { get; private set; }

        /// <summary>The number of extents that begin at or before a sector.</summary>
        public int Find(long sector)
        {
            int low = 0, high = Count;
            while (low < high)
            {
                int middle = (low + high) >>> 1;
                if (Items[middle].Offset <= sector) low = middle + 1;
                else high = middle;
            }

            return low;
        }

        public void Insert(int at, in LsmtExtent extent)
        {
            Array.Copy(Items, at, Items, at + 1, Count - at);
            Items[at] = extent;
            Count++;
        }

        /// <summary>Moves the upper half out; nothing when the next extent comes at the end, as sequential writes then fill leaves.</summary>
        public Leaf Split(int at)
        {
            int kept = at == Count ? Count : Count / 2;
            var right = new Leaf { Count = Count - kept, Previous = this, Next = Next };
            Array.Copy(Items, kept, right.Items, 0, right.Count);
            if (Next is not null) Next.Previous = right;
            Next = right;
            Count = kept;
            return right;
        }

        public void Unlink()
        {
            if (Previous is not null) Previous.Next = Next;
            if (Next is not null) Next.Previous = Previous;
        }
    }

    private sealed class Inner : Node
    {
        /// <summary>Where children begin. The first one is not used: what is lower belongs to the first child.</summary>
        public long[] Keys { get; } = new long[Fanout];

        public Node[] Children { get; } = new Node[Fanout];

        /// <summary>The child that a sector belongs to.</summary>
        public int Find(long sector)
        {
            int low = 1, high = Count;
            while (low < high)
            {
                int middle = (low + high) >>> 1;
                if (Keys[middle] <= sector) low = middle + 1;
                else high = middle;
            }

            return low - 1;
        }

        public void Insert(int at, Node child, long key)
        {
            Array.Copy(Keys, at, Keys, at + 1, Count - at);
            Array.Copy(Children, at, Children, at + 1, Count - at);
            (Keys[at], Children[at]) = (key, child);
            Count++;
        }

        public void RemoveAt(int at)
        {
            Count--;
            Array.Copy(Keys, at + 1, Keys, at, Count - at);
            Array.Copy(Children, at + 1, Children, at, Count - at);
            Children[Count] = null!;
        }

        public Inner Split(out long key)
        {
            int kept = Count / 2;
            var right = new Inner { Count = Count - kept };
            Array.Copy(Keys, kept, right.Keys, 0, right.Count);
            Array.Copy(Children, kept, right.Children, 0, right.Count);
            Array.Clear(Children, kept, right.Count);
            Count = kept;
            key = right.Keys[0];
            return right;
        }
    }
}
