using System.Buffers;

namespace Sluice.Storage.Cache;

/// <summary>
/// Making chunks survive. In memory a bit is set as soon as the chunk is written; on disk only after a sync of the data
/// file that began after the chunk was written. A process that is killed in between leaves data without a bit: a refetch.
/// </summary>
public sealed partial class BlobCache
{
    private readonly AtomicBitmap _dirtyPages;
    private readonly Lock _flushing = new();
    private byte[]? _cleanIdentities;
    private bool _trusted;

    /// <summary>
    /// Makes what was stored so far durable. Called in the background every <see cref="CacheOptions.FlushInterval"/>;
    /// failures are logged and cost trust, not data.
    /// </summary>
    public void Flush()
    {
        lock (_flushing)
        {
            if (_map is null || _dirtyPages.Count == 0) return;
            try
            {
                WriteDirtyPages();
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException or ObjectDisposedException)
            {
                Log($"can't make chunks durable: {e.Message}");
            }
        }
    }

    /// <summary>After <see cref="Identities"/> are filled: believes the map if it was closed cleanly over the same chunks.</summary>
    internal void ApplyCleanShutdown()
    {
        byte[]? identities = Interlocked.Exchange(ref _cleanIdentities, null);
        if (identities is null || _map is null) return;
        try
        {
            _map.WriteHeader(clean: false, []);
            _map.Sync();
        }
        catch (IOException e)
        {
            Log($"can't mark the map as in use: {e.Message}");
            return;
        }

        if (!_options.TrustCleanShutdown || !identities.AsSpan().SequenceEqual(Identities.Fingerprint())) return;
        _trusted = true;
        for (int number = 0; number < _present.Length; number++)
            if (_present[number]) _verified.Set(number);
    }

    internal void Close()
    {
        if (_map is null) return;
        Flush();
        lock (_flushing)
        {
            try
            {
                if (_options.TrustCleanShutdown && _dirtyPages.Count == 0 && (_trusted || _verified.Count == _present.Count))
                {
                    _map.Sync();
                    _map.WriteHeader(clean: true, Identities.Fingerprint());
                    _map.Sync();
                }
            }
            catch (IOException e)
            {
                Log($"can't close cleanly: {e.Message}");
            }

            _map.Dispose();
            _sums?.Dispose();
            _data!.Dispose();
        }
    }

    private void MarkDirty(int number) => _dirtyPages.Set(number / ChunkMapLayout.BitsPerPage);

    private void WriteDirtyPages()
    {
        List<(int Number, byte[] Page)> pages = [];
        for (int number = 0; number < _dirtyPages.Length; number++)
        {
            // Cleared before the bits are copied: a chunk stored from here on marks the page again.
            if (!_dirtyPages.Clear(number)) continue;
            byte[] page = ArrayPool<byte>.Shared.Rent(ChunkMapLayout.PageSize);
            ChunkMapFile.FillPage(_present, number, page);
            pages.Add((number, page));
        }

        int written = 0;
        try
        {
            SyncData();
            foreach ((int number, byte[] page) in pages)
            {
                _sums?.Write(number * ChunkMapLayout.BitsPerPage, ChunkMapLayout.BitsPerPage);
                _map!.WritePage(number, page);
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

    private void SyncData()
    {
        try
        {
            RandomAccess.FlushToDisk(_data!);
        }
        catch (IOException)
        {
            // The kernel marks the pages clean after a failed write-back and may read the old bytes again later (fsync(2), NOTES).
            lock (_repair)
            {
                _verified.ClearAll();
                Interlocked.Increment(ref _generation);
            }

            throw;
        }
    }
}
