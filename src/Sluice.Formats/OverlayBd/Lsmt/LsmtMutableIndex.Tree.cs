namespace Sluice.Formats.OverlayBd.Lsmt;

// The tree. A leaf holds extents whose offsets lie between its key and the next leaf's; they may reach beyond that. Leaves are
// linked. A leaf goes when it is empty: layers are written more than they are discarded, so nothing is merged earlier.
public sealed unsafe partial class LsmtMutableIndex
{
    private readonly IndexNodes _nodes = new();
    private IndexNode* _root;

    /// <summary>The first extent that ends behind a sector.</summary>
    private bool TryFind(long sector, out IndexNode* leaf, out int at)
    {
        leaf = _root;
        while (leaf->IsInner) leaf = leaf->Children[leaf->FindChild(sector)];
        at = leaf->FindExtent(sector);

        // Of those that begin at or before the sector, only the last can end behind it. It may be in the leaf before.
        if (at > 0 && leaf->Items[at - 1].End > sector)
        {
            at--;
            return true;
        }

        if (at == 0 && leaf->Previous != null && leaf->Previous->Items[leaf->Previous->Count - 1].End > sector)
        {
            leaf = leaf->Previous;
            at = leaf->Count - 1;
            return true;
        }

        if (at == leaf->Count)
        {
            leaf = leaf->Next;
            at = 0;
        }

        return leaf != null;
    }

    private void Add(in LsmtExtent extent)
    {
        Count++;
        IndexNode* right = Add(_root, extent, out long key);
        if (right == null) return;
        IndexNode* root = _nodes.Take();
        (root->IsInner, root->Count) = (true, 2);
        root->Children[0] = _root;
        root->Children[1] = right;
        root->Keys[1] = key;
        _root = root;
    }

    /// <returns>The new right half, when the node was full, and the key it begins at; or null.</returns>
    private IndexNode* Add(IndexNode* node, in LsmtExtent extent, out long key)
    {
        key = 0;
        if (!node->IsInner)
        {
            int at = node->FindExtent(extent.Offset);
            if (node->Count < IndexNode.LeafSize)
            {
                node->Insert(at, extent);
                return null;
            }

            IndexNode* half = _nodes.Take();
            node->SplitLeaf(half, at);
            if (at > node->Count || node->Count == IndexNode.LeafSize) half->Insert(at - node->Count, extent);
            else node->Insert(at, extent);
            key = half->Items[0].Offset;
            return half;
        }

        int child = node->FindChild(extent.Offset);
        IndexNode* added = Add(node->Children[child], extent, out long childKey);
        if (added == null) return null;
        if (node->Count < IndexNode.Fanout)
        {
            node->Insert(child + 1, added, childKey);
            return null;
        }

        IndexNode* right = _nodes.Take();
        key = node->SplitInner(right);
        if (child + 1 > node->Count) right->Insert(child + 1 - node->Count, added, childKey);
        else node->Insert(child + 1, added, childKey);
        return right;
    }

    private void RemoveRun(IndexNode* leaf, int from, int to)
    {
        long key = leaf->Items[from].Offset;
        leaf->RemoveExtents(from, to);
        Count -= to - from;
        if (leaf->Count > 0 || !_root->IsInner) return;
        RemoveLeaf(_root, key);
        while (_root->IsInner && _root->Count == 1)
        {
            IndexNode* single = _root->Children[0];
            _nodes.Give(_root);
            _root = single;
        }
    }

    /// <summary>Takes out the empty leaf that <paramref name="key"/> belongs to, and inner nodes that become empty by this.</summary>
    private void RemoveLeaf(IndexNode* node, long key)
    {
        int at = node->FindChild(key);
        IndexNode* child = node->Children[at];
        if (child->IsInner)
        {
            RemoveLeaf(child, key);
            if (child->Count > 0) return;
        }
        else
        {
            child->Unlink();
        }

        node->RemoveChild(at);
        _nodes.Give(child);
    }
}
