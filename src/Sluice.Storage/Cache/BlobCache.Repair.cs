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

    /// <summary>Forgets whatever lay behind a cut, then gives the file its length back.</summary>
    private void RepairLength()
    {
        if (RandomAccess.GetLength(_data!) == PaddedLength) return;
        lock (_repair)
        {
            if (RandomAccess.GetLength(_data!) == PaddedLength) return;
            Log("the data file was truncated while in use: dropped");
            ForgetAll();
            RandomAccess.SetLength(_data!, PaddedLength);
        }
    }

    private void ForgetAll()
    {
        lock (_repair)
        {
            _verified.ClearAll();
            _present.ClearAll();
            Interlocked.Increment(ref _generation);
        }

        for (int page = 0; page < _dirtyPages.Length; page++) _dirtyPages.Set(page);
    }

    private void NoteWriteFailure(Exception e)
    {
        Volatile.Write(ref _writesFailUntil, _options.Time.GetTimestamp() + ToTicks(_options.WriteRetryDelay));
        if (_writeFailed) return;
        _writeFailed = true;
        Log($"can't store ({e.Message}); serving without the cache until that works again");
    }
}
