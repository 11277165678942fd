using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Sluice.Formats.OverlayBd.Lsmt;

/// <summary>
/// The memory of an index: chunks of nodes outside of the collected heap, so that inserting allocates nothing there and a large index
/// costs no collection. Nodes that are given back are used again; chunks are freed with the index. The handle is the newest chunk.
/// </summary>
internal sealed unsafe class IndexNodes : SafeHandleZeroOrMinusOneIsInvalid
{
    /// <summary>Nodes of the first chunk; each further one is twice as large, up to the limit. The first node of a chunk links to the chunk before.</summary>
    private const int FirstChunk = 8, LargestChunk = 512;

    private IndexNode* _free;
    private int _chunkNodes = FirstChunk;

    public IndexNodes()
        : base(ownsHandle: true)
    {
    }

    /// <summary>An empty leaf.</summary>
    public IndexNode* Take()
    {
        if (_free == null) Grow();
        IndexNode* node = _free;
        _free = node->Next;
        *node = default;
        return node;
    }

    public void Give(IndexNode* node)
    {
        node->Next = _free;
        _free = node;
    }

    /// <summary>Frees all nodes.</summary>
    public void Clear()
    {
        ReleaseHandle();
        _free = null;
        _chunkNodes = FirstChunk;
    }

    protected override bool ReleaseHandle()
    {
        for (var chunk = (IndexNode*)handle; chunk != null;)
        {
            IndexNode* before = chunk->Next;
            NativeMemory.AlignedFree(chunk);
            chunk = before;
        }

        SetHandle(0);
        return true;
    }

    private void Grow()
    {
        var chunk = (IndexNode*)NativeMemory.AlignedAlloc((nuint)(_chunkNodes * IndexNode.Size), IndexNode.Size);
        chunk->Next = (IndexNode*)handle;
        SetHandle((nint)chunk);
        for (int i = _chunkNodes - 1; i > 0; i--) Give((IndexNode*)((byte*)chunk + (i * IndexNode.Size)));
        _chunkNodes = Math.Min(_chunkNodes * 2, LargestChunk);
    }
}
