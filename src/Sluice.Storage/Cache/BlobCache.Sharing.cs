namespace Sluice.Storage.Cache;

/// <summary>Chunks that another blob of the node has already.</summary>
public sealed partial class BlobCache
{
    private int _adopters; // others that read our files at the moment

    /// <summary>
    /// Takes a chunk over from another blob: its blocks where the file system can share them, else a copy. What arrives is checked against this image's own digest,
    /// after it has arrived: nothing is believed of the other blob, which may evict the chunk meanwhile.
    /// </summary>
    /// <param name="content">At least the chunk's length; holds the chunk if the answer is true, which it may be although nothing could be stored.</param>
    internal bool TryAdopt(IBlobFormat format, int slot, BlobCache source, int number, Span<byte> content)
    {
        ChunkIdentity chunk = ChunkIdentity.Of(format, slot);
        ReadOnlySpan<ChunkIdentity> others = source.Identities.All;
        if (ChunkIdentities.Find(others, number) is var place && (place < 0 || others[place].Length != chunk.Length)) return false;
        ChunkExtent from = others[place].Extent;
        content = content[..chunk.Length];
        Interlocked.Increment(ref source._adopters);
        try
        {
            return !source._closed && TryAdopt(format, slot, chunk, source, from, content);
        }
        finally
        {
            Interlocked.Decrement(ref source._adopters);
        }
    }

    private bool TryAdopt(IBlobFormat format, int slot, in ChunkIdentity chunk, BlobCache source, ChunkExtent from, Span<byte> content)
    {
        if (TryShare(format, slot, chunk, source, from, content))
        {
            _context.Totals.Adopted(chunk.Length, shared: true);
            return true;
        }

        if (!source.ReadFully(from.Offset, content) || !format.Verify(slot, content)) return false;
        Store(format, slot, content);
        _context.Totals.Adopted(chunk.Length, shared: false);
        return true;
    }

    private bool TryShare(IBlobFormat format, int slot, in ChunkIdentity chunk, BlobCache source, ChunkExtent from, Span<byte> content)
    {
        if (!_context.MayShareBlocks || source._files is not { } sources || !HasBlocksOfItsOwn(chunk.Number) || !source.HasBlocksOfItsOwn(from.Number)) return false;
        if (IsHeld || _present[chunk.Number] || BeginWrite(chunk.Extent) is not { } files) return false;
        bool stored = false;
        try
        {
            RepairLength(files);
            int losses = Volatile.Read(ref _losses);
            if (!SparseFile.TryClone(sources.Data, from.Offset, files.Data, chunk.Offset, BlocksOf(chunk.Extent), out bool supported))
            {
                _context.MayShareBlocks &= supported;
                return false;
            }

            stored = ReadFully(chunk.Offset, content) && format.Verify(slot, content) && Commit(chunk, content, losses);
            if (!stored) SparseFile.Punch(files.Data, chunk.Offset, BlocksOf(chunk.Extent));
            return stored;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ObjectDisposedException)
        {
            return false;
        }
        finally
        {
            if (!stored) Vacate(chunk.Extent);
            _busy.Clear(chunk.Number);
        }
    }

    /// <summary>True if a chunk begins with a block, and its last block has nothing of the next chunk.</summary>
    private bool HasBlocksOfItsOwn(int number)
    {
        ReadOnlySpan<ChunkIdentity> all = Identities.All;
        int place = ChunkIdentities.Find(all, number);
        if (place < 0 || all[place].Offset % SparseFile.BlockSize != 0) return false;
        long end = (all[place].Extent.End + SparseFile.BlockSize - 1) & -SparseFile.BlockSize;
        return place + 1 == all.Length ? end <= PaddedLength : all[place + 1].Offset >= end;
    }
}
