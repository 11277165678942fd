using System.Buffers;

namespace Sluice.Storage.Cache;

/// <summary>
/// Making chunks survive. In memory a bit is set as soon as the chunk is written; on disk only after a sync of the data
/// file that began after the chunk was written. A process that is killed in between leaves data without a record: a refetch.
/// </summary>
public sealed partial class BlobCache
{
    private readonly AtomicBitmap _dirtyPages;
    private readonly Lock _flushing = new();
    private bool _trusted;
    private bool _flushFailed;

    /// <summary>
    /// Makes what was stored so far durable. Called in the background every <see cref="CacheOptions.FlushInterval"/>;
    /// failures are logged and cost trust, not data.
    /// </summary>
    public void Flush()
    {
        lock (_flushing)
        {
            if (_files is not { } files || (_dirtyPages.Count == 0 && !_unsettled)) return;
            _unsettled = false;
            try
            {
                WriteDirtyPages(files);
                Settle(files);
                _flushFailed = false;
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException or ObjectDisposedException)
            {
                if (!_flushFailed) Log($"can't make chunks durable: {e.Message}");
                _flushFailed = true;
            }
        }
    }

    /// <summary>After <see cref="Identities"/> are filled: believes the map if it was closed cleanly.</summary>
    internal void ApplyCleanShutdown()
    {
        if (_files is not { IsClean: true } files) return;
        try
        {
            files.Map.WriteHeader(clean: false);
            files.Map.Sync();
        }
        catch (IOException e)
        {
            Log($"can't mark the map as in use: {e.Message}");
            return;
        }

        if (!_options.TrustCleanShutdown) return;
        _trusted = true;
        foreach (ref readonly ChunkIdentity chunk in Identities.All)
            if (_present[chunk.Number] && _records[chunk.Number].IsOf(chunk.Digest)) _verified.Set(chunk.Number);
    }

    internal void Close()
    {
        lock (_evicting)
            lock (_opening) _closed = true; // whoever opens the files at the moment has them open afterwards, and nobody does later
        Interlocked.MemoryBarrier();
        SpinWait.SpinUntil(() => _busy.Count == 0 && Volatile.Read(ref _adopters) == 0); // what is written later, or deleted while it is open, would be counted nowhere
        _context.Equal.Remove(this);
        Flush();
        lock (_flushing)
        {
            if (_files is not { } files) return;
            try
            {
                if (_options.TrustCleanShutdown && _dirtyPages.Count == 0 && (_trusted || _verified.Count == _present.Count))
                {
                    files.Map.Sync();
                    files.Map.WriteHeader(clean: true);
                    files.Map.Sync();
                }
            }
            catch (IOException e)
            {
                Log($"can't close cleanly: {e.Message}");
            }

            if (files.IsHeld) _context.Space.Hold(-PaddedLength);
            lock (_settling) _isSettled = true;
            files.Dispose();
        }
    }

    private void MarkDirty(int number) => _dirtyPages.Set(number / ChunkMapLayout.RecordsPerPage);

    private void WriteDirtyPages(BlobFiles files)
    {
        List<(int Number, byte[] Page)> pages = [];
        for (int number = 0; number < _dirtyPages.Length; number++)
        {
            // Cleared before the records are copied: a chunk stored from here on marks the page again.
            if (!_dirtyPages.Clear(number) || !_paidPages[number]) continue;
            byte[] page = ArrayPool<byte>.Shared.Rent(ChunkMapLayout.PageSize);
            files.Map.FillPage(number, page);
            pages.Add((number, page));
        }

        int written = 0;
        try
        {
            SyncData(files);
            foreach ((int number, byte[] page) in pages)
            {
                files.Map.WritePage(number, page);
                written++;
            }
        }
        finally
        {
            for (int index = 0; index < pages.Count; index++)
            {
                if (index >= written) _dirtyPages.Set(pages[index].Number);
                ArrayPool<byte>.Shared.Return(pages[index].Page);
            }
        }
    }

    private void SyncData(BlobFiles files)
    {
        lock (_repair) _syncing.TakeAll(_fresh);
        try
        {
            files.Sync();
        }
        catch (IOException)
        {
            DropFresh();
            throw;
        }

        lock (_repair) _syncing.ClearAll();
    }

    private bool HasFresh => _fresh.Count != 0 || _syncing.Count != 0;

    private bool AnyFresh(IBlobFormat format, int slot, long end)
    {
        for (; slot < format.Count; slot++)
        {
            ChunkExtent extent = format.GetExtent(slot);
            if (extent.Offset >= end) return false;
            if (_fresh[extent.Number] || _syncing[extent.Number]) return true;
        }

        return false;
    }

    /// <summary>After a read of fresh chunks.</summary>
    private void DropIfLost()
    {
        // Under the lock: the kernel tells of a loss once, and whoever asks next must find its consequences.
        lock (_repair)
        {
            if (_files is { } files && HasLost(files)) DropFresh();
        }
    }

    private bool HasLost(BlobFiles files)
    {
        try
        {
            return files.HasLost(PaddedLength);
        }
        catch (ObjectDisposedException)
        {
            return true;
        }
    }

    /// <summary>What was written since the last sync that succeeded is not believed any more: there is no telling which part of it was lost.</summary>
    private void DropFresh()
    {
        lock (_repair)
        {
            for (int number = 0; number < _present.Length; number++)
            {
                if (!_fresh[number] && !_syncing[number]) continue;
                _present.Clear(number);
                MarkDirty(number);
            }

            _verified.ClearAll();
            _fresh.ClearAll();
            _syncing.ClearAll();
            _losses++;
            Interlocked.Increment(ref _generation);
        }

        NoteWriteFailure(new IOException("what was written did not get to the disk"));
    }
}
