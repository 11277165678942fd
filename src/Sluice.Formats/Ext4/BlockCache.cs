namespace Sluice.Formats.Ext4;

/// <summary>Metadata blocks that were read or changed. Changes reach the store at <see cref="Flush"/>, in rising order.</summary>
internal sealed class BlockCache(IBlockStore store)
{
    private const int MaxClean = 16384; // 64 MiB
    private const int WriteBlocks = 64;

    private readonly Dictionary<long, CachedBlock> _blocks = [];
    private long _limit = store.BlockCount;

    /// <summary>Blocks behind this one belong to the device, but not to the file system.</summary>
    public void LimitTo(long blockCount) => _limit = blockCount;

    /// <exception cref="InvalidFormatException">The block lies behind the end.</exception>
    public CachedBlock Read(long block, BlockKind kind)
    {
        if (_blocks.TryGetValue(block, out CachedBlock? cached)) return cached;
        if ((ulong)block >= (ulong)_limit) throw Ext4Error.Invalid($"block {block} is beyond the end of the file system");
        byte[] bytes = GC.AllocateUninitializedArray<byte>(Ext4Layout.BlockSize);
        store.Read(block, bytes);
        cached = new CachedBlock(block, bytes, kind);
        _blocks.Add(block, cached);
        return cached;
    }

    /// <summary>True if any of the blocks is known as metadata.</summary>
    public bool Holds(long block, int count)
    {
        for (int i = 0; i < count; i++)
        {
            if (_blocks.ContainsKey(block + i)) return true;
        }

        return false;
    }

    public CachedBlock Change(long block, BlockKind kind, uint owner = 0)
    {
        CachedBlock cached = Read(block, kind);
        (cached.Kind, cached.Owner, cached.IsDirty) = (kind, owner, true);
        return cached;
    }

    /// <summary>A block of zeros, whatever is on the device.</summary>
    public CachedBlock Zero(long block, BlockKind kind, uint owner = 0)
    {
        if ((ulong)block >= (ulong)_limit) throw Ext4Error.Invalid($"block {block} is beyond the end of the file system");
        var cached = new CachedBlock(block, new byte[Ext4Layout.BlockSize], kind) { Owner = owner, IsDirty = true };
        _blocks[block] = cached;
        return cached;
    }

    /// <summary>The block was freed: what was to be written there must not be.</summary>
    public void Forget(long block) => _blocks.Remove(block);

    /// <summary>Bounds memory; nobody may hold a block across this call in order to change it.</summary>
    public void Trim()
    {
        if (_blocks.Count <= MaxClean) return;
        foreach (CachedBlock block in _blocks.Values)
        {
            if (!block.IsDirty) _blocks.Remove(block.Number);
        }
    }

    public IEnumerable<CachedBlock> Dirty => _blocks.Values.Where(block => block.IsDirty);

    public void Flush()
    {
        CachedBlock[] dirty = [.. Dirty.OrderBy(block => block.Number)];
        byte[] buffer = new byte[WriteBlocks * Ext4Layout.BlockSize];
        for (int i = 0; i < dirty.Length;)
        {
            long start = dirty[i].Number;
            int count = 0;
            for (; i < dirty.Length && count < WriteBlocks && dirty[i].Number == start + count; i++, count++)
            {
                dirty[i].Bytes.CopyTo(buffer, count * Ext4Layout.BlockSize);
                dirty[i].IsDirty = false;
            }

            store.WriteMetadata(start, buffer.AsSpan(0, count * Ext4Layout.BlockSize));
        }
    }
}
