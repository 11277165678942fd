namespace Sluice.Storage.Cache;

/// <summary>Taking back what can no longer be believed, and doing without a disk that refuses.</summary>
public sealed partial class BlobCache
{
    /// <summary>Takes a chunk back that could not be read or was wrong.</summary>
    internal void Forget(int number)
    {
        lock (_repair)
        {
            _verified.Clear(number);
            _present.Clear(number);
            Interlocked.Increment(ref _generation);
        }

        MarkDirty(number);
    }

    /// <summary>Opens the files if nobody has, at most once every <see cref="CacheOptions.WriteRetryDelay"/>; null if the disk does not take them.</summary>
    private BlobFiles? OpenFiles()
    {
        lock (_opening)
        {
            if (_files is not null || _closed || WritesRest()) return _files;
            bool paid = false;
            try
            {
                if (!File.Exists(Path.Combine(_directory, "map")) && !(paid = TryPayForFiles())) return null;
                BlobFiles files = BlobFiles.Open(_directory, Blob, Length, PaddedLength, _records, _present);
                if (files.WasDropped)
                {
                    if (_present.Count != 0) Log("the data file does not have the blob's length: dropped");
                    PayForStoredPages(); // while it is known which these are: they are to be overwritten, or the next start believes them
                    ForgetAll();
                }

                if (files.IsHeld) _context.Space.Hold(PaddedLength);
                Account(files);
                _files = files;
                return files;
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                if (paid) Charge(-FilesCost);
                NoteWriteFailure(e);
                return null;
            }
        }
    }

    /// <summary>Forgets whatever lay behind a cut, then gives the file its length back.</summary>
    private void RepairLength(BlobFiles files)
    {
        if (RandomAccess.GetLength(files.Data) == PaddedLength) return;
        lock (_repair)
        {
            if (RandomAccess.GetLength(files.Data) == PaddedLength) return;
            Log("the data file was truncated while in use: dropped");
            ForgetAll();
            RandomAccess.SetLength(files.Data, PaddedLength);
        }
    }

    private void ForgetAll()
    {
        lock (_repair)
        {
            _verified.ClearAll();
            _present.ClearAll();
            _fresh.ClearAll();
            _syncing.ClearAll();
            _losses++;
            Interlocked.Increment(ref _generation);
        }

        for (int page = 0; page < _dirtyPages.Length; page++) _dirtyPages.Set(page);
    }

    private void NoteWriteFailure(Exception e)
    {
        Volatile.Write(ref _writesFailUntil, _options.Time.GetTimestamp() + ToTicks(_options.WriteRetryDelay));
        _unsettled = true;
        _context.Totals.WriteFailed();
        _context.Space.Measure();
        if (Interlocked.Exchange(ref _writeFailed, 1) != 0) return;
        Log($"can't store ({e.Message}); serving without the cache until that works again");
    }

    private bool WritesRest() => _options.Time.GetTimestamp() < Volatile.Read(ref _writesFailUntil);

    private void NoteWriteSuccess()
    {
        if (Volatile.Read(ref _writeFailed) == 0 || WritesRest()) return; // began before the failure: proves nothing
        if (Interlocked.Exchange(ref _writeFailed, 0) != 0) Log("storing again");
    }
}
