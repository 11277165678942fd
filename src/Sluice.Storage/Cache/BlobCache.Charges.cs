namespace Sluice.Storage.Cache;

/// <summary>
/// What the blob takes of the limit. Everything is taken before it is written: the blocks of a chunk, the page of the map that will name it, the files. What the file system takes
/// besides (blocks that two chunks shared, long lists of extents) is measured after every flush and every eviction.
/// </summary>
public sealed partial class BlobCache
{
    /// <summary>The directory, the map's header, and a block of extents.</summary>
    private const long FilesCost = 3 * SparseFile.BlockSize;

    /// <summary>A page of the map, and the lists of the extents of its 255 chunks: ext4 has 340 in a block, and blocks that are half full at times.</summary>
    private const long PageCost = ChunkMapLayout.PageSize + (2 * SparseFile.BlockSize);

    private readonly Lock _settling = new();
    private readonly AtomicBitmap _paidPages; // pages of the map that may be written; what is not written counts as empty
    private long _charged;
    private long _excess; // part of _charged: what was measured and is not known
    private volatile bool _unsettled;
    private bool _isSettled;

    /// <summary>Bytes of the disk that are charged for it.</summary>
    internal long Charged => Volatile.Read(ref _charged);

    /// <summary>Takes the room of a chunk, if it has none yet. The chunk is ours.</summary>
    private bool TryOccupy(ChunkExtent extent)
    {
        if (_occupied[extent.Number]) return true;
        int page = extent.Number / ChunkMapLayout.RecordsPerPage;
        bool isNew = !_paidPages[page];
        if (!TryPay(BlocksOf(extent) + (isNew ? PageCost : 0))) return false;
        if (isNew && !_paidPages.Set(page)) Charge(-PageCost);
        if (!_occupied.Set(extent.Number)) Charge(-BlocksOf(extent));
        return true;
    }

    private bool TryPayForFiles()
    {
        if (TryPay(FilesCost)) return true;
        Volatile.Write(ref _writesFailUntil, _options.Time.GetTimestamp() + ToTicks(_options.WriteRetryDelay));
        NoteLimit();
        return false;
    }

    private bool TryPay(long bytes)
    {
        if (!_context.Space.TryTake(bytes))
        {
            _context.Space.Want(bytes);
            return false;
        }

        Interlocked.Add(ref _charged, bytes);
        return true;
    }

    /// <summary>Those that an earlier process has written.</summary>
    private void PayForStoredPages()
    {
        for (int number = 0; number < _present.Length; number++)
            if (_present[number]) _paidPages.Set(number / ChunkMapLayout.RecordsPerPage);
    }

    private void Vacate(ChunkExtent extent)
    {
        if (_occupied.Clear(extent.Number)) Charge(-BlocksOf(extent));
    }

    private void Charge(long bytes)
    {
        Interlocked.Add(ref _charged, bytes);
        _context.Space.Charge(bytes);
    }

    /// <summary>Measures what the files have.</summary>
    /// <param name="freed">Bytes that were charged and are to be given back.</param>
    private void Settle(BlobFiles files, long freed = 0)
    {
        lock (_settling)
        {
            if (_isSettled) return;

            // First what is, then what is charged: the other way round what others store meanwhile would look like too much.
            long allocated = files.AllocatedBytes();
            long excess = Math.Max(allocated - (Charged - _excess - freed), 0);
            Charge(excess - _excess - freed);
            _excess = excess;
        }
    }

    private void NoteLimit()
    {
        if (_context.LimitIsKnown) return;
        _context.LimitIsKnown = true;
        Log($"the cache is at its limit of {_context.Space.Limit} bytes: evicting, and serving without the cache what it can't take meanwhile");
    }
}
