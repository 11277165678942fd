using System.Diagnostics.CodeAnalysis;
using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using static Sluice.Formats.Hashing.Blake3Layout;

namespace Sluice.Formats.Hashing;

/// <summary>
/// The BLAKE3 tree while its leaves arrive: the values of finished subtrees that still wait for their right sibling, and
/// the last chunk. Chunks are hashed in aligned groups of a power of two, so that each group is a subtree of its own.
/// </summary>
internal struct Blake3Tree(Blake3Path path)
{
    /// <summary>Chunks of the largest group: fills 16 lanes on its first levels and keeps the values in the first-level cache.</summary>
    private const int GroupChunks = 64;

    private ValueStack _stack;
    private LastChunk _last;
    private int _lastLength;
    private int _depth;

    /// <summary>Chunks whose values are on the stack.</summary>
    private ulong _chunks;

    public void Update(ReadOnlySpan<byte> data)
    {
        if (_lastLength > 0)
        {
            int taken = Math.Min(ChunkSize - _lastLength, data.Length);
            data[..taken].CopyTo(Last[_lastLength..]);
            _lastLength += taken;
            data = data[taken..];
            if (data.IsEmpty) return;
            PushGroup(Last);
            _lastLength = 0;
        }

        // The last chunk stays behind, whole or not: it is the root if nothing else comes.
        while (data.Length > ChunkSize)
        {
            int chunks = Math.Min(GroupChunks, 1 << BitOperations.Log2((uint)Math.Min(data.Length / ChunkSize, GroupChunks)));
            int aligned = _chunks == 0 ? GroupChunks : (int)Math.Min(GroupChunks, _chunks & (~_chunks + 1));
            int size = Math.Min(chunks, aligned) * ChunkSize;
            PushGroup(data[..size]);
            data = data[size..];
        }

        data.CopyTo(Last);
        _lastLength = data.Length;
    }

    /// <summary>The digest of what was given so far; the tree stays as it is.</summary>
    public void Finish(Span<byte> digest)
    {
        Span<uint> value = stackalloc uint[8];
        Span<byte> children = stackalloc byte[BlockSize];
        Span<byte> bytes = MemoryMarshal.AsBytes(value);
        if (_lastLength > 0) MergeComplete();
        int depth = _depth;
        if (_lastLength > 0 || depth == 0)
        {
            CompressLast(value, isRoot: depth == 0);
        }
        else
        {
            // Two subtrees at least are on the stack: only a group of several chunks leaves no last chunk.
            depth--;
            Value(depth).CopyTo(bytes);
        }

        while (depth > 0)
        {
            depth--;
            Value(depth).CopyTo(children);
            bytes.CopyTo(children[ValueSize..]);
            Blake3Block.Start(value);
            Blake3Block.Compress(value, children, BlockSize, counter: 0, depth == 0 ? Parent | Root : Parent);
        }

        bytes.CopyTo(digest);
    }

    [UnscopedRef]
    private Span<byte> Last => _last;

    [UnscopedRef]
    private Span<byte> Value(int depth) => ((Span<byte>)_stack).Slice(depth * ValueSize, ValueSize);

    /// <summary>Hashes a power of two of whole chunks down to two values (one for a single chunk) and pushes them.</summary>
    private void PushGroup(ReadOnlySpan<byte> chunks)
    {
        int count = chunks.Length / ChunkSize;
        Span<byte> values = stackalloc byte[GroupChunks * ValueSize];
        Blake3Lanes.Chunks(path, chunks, _chunks, values);
        int left = count;
        for (; left > 2; left /= 2) Blake3Lanes.Parents(path, values[..(left * ValueSize)], values);
        for (int i = 0; i < left; i++) Push(values.Slice(i * ValueSize, ValueSize), (ulong)(count / left));
    }

    private void Push(ReadOnlySpan<byte> value, ulong chunks)
    {
        MergeComplete();
        value.CopyTo(Value(_depth));
        _depth++;
        _chunks += chunks;
    }

    /// <summary>
    /// Merges complete subtrees until there is one for each set bit of the chunk count. Done as late as possible:
    /// whether a parent is the root is known once something follows it.
    /// </summary>
    private void MergeComplete()
    {
        while (_depth > BitOperations.PopCount(_chunks))
        {
            _depth--;
            Blake3Lanes.Parents(Blake3Path.Single, ((Span<byte>)_stack).Slice((_depth - 1) * ValueSize, BlockSize), Value(_depth - 1));
        }
    }

    private void CompressLast(Span<uint> value, bool isRoot)
    {
        Span<byte> block = stackalloc byte[BlockSize];
        Blake3Block.Start(value);
        uint flags = ChunkStart;
        int position = 0;
        for (; _lastLength - position > BlockSize; position += BlockSize)
        {
            Blake3Block.Compress(value, Last.Slice(position, BlockSize), BlockSize, _chunks, flags);
            flags = 0;
        }

        block.Clear();
        Last[position.._lastLength].CopyTo(block);
        flags |= ChunkEnd | (isRoot ? Root : 0);
        Blake3Block.Compress(value, block, _lastLength - position, _chunks, flags);
    }

    [InlineArray(MaxDepth * ValueSize)]
    private struct ValueStack
    {
        private byte _first;
    }

    [InlineArray(ChunkSize)]
    private struct LastChunk
    {
        private byte _first;
    }
}
