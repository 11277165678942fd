using Sluice.Storage.Cache;

namespace Sluice.Storage.Fetching;

/// <summary>
/// What came and could not be stored, as the disk takes nothing or the cache is at its limit, stays in memory for a while: fetches bring more than the read that waits for them wants, and who reads on finds
/// the rest as he would in the cache.
/// </summary>
public sealed partial class Fetcher
{
    /// <summary>Bytes of memory, beside <see cref="FetchOptions.MemoryInFlight"/>, a quarter of that at most.</summary>
    private const long MostUnstored = 16 << 20;

    /// <summary>As long as a disk that failed is left alone: what is wanted later is fetched again, and may be stored.</summary>
    private static readonly TimeSpan UnstoredAge = new CacheOptions().WriteRetryDelay;

    private readonly Queue<(SourceFetch Fetch, long Bytes, long Since)> _unstored = [];
    private long _unstoredBytes;

    /// <summary>Instead of <see cref="Unregister"/>: what the cache has not taken stays registered. Called under the lock, before the fetch is completed.</summary>
    private void UnregisterStored(SourceFetch fetch)
    {
        List<int> unstored = fetch.Registered.FindAll(number => fetch.Has(number) && !fetch.Owner.Cache.IsVerified(number));
        Unregister(fetch);
        if (!_disposed && !fetch.Owner.IsDisposed && unstored.Count != 0)
        {
            foreach (int number in unstored) Register(fetch, number);
            fetch.AddReference();
            _unstored.Enqueue((fetch, fetch.Charged, Options.Time.GetTimestamp()));
            _unstoredBytes += fetch.Charged;
            _memory -= fetch.Charged; // or one that takes all of it would wait for this
            fetch.Charged = 0;
        }

        LetGoUnstored();
    }

    /// <summary>Of what is too much or too old. Called under the lock.</summary>
    private void LetGoUnstored()
    {
        long most = Math.Min(MostUnstored, Options.MemoryInFlight / 4);
        while (_unstored.TryPeek(out (SourceFetch Fetch, long Bytes, long Since) oldest) && (_unstoredBytes > most || Options.Time.GetElapsedTime(oldest.Since) >= UnstoredAge)) LetGo(_unstored.Dequeue());
    }

    /// <summary>Called under the lock.</summary>
    private void LetGoUnstored(Func<SourceFetch, bool> condition)
    {
        for (int left = _unstored.Count; left > 0; left--)
        {
            (SourceFetch Fetch, long Bytes, long Since) kept = _unstored.Dequeue();
            if (condition(kept.Fetch)) LetGo(kept);
            else _unstored.Enqueue(kept);
        }
    }

    private void LetGo((SourceFetch Fetch, long Bytes, long Since) kept)
    {
        _unstoredBytes -= kept.Bytes;
        Unregister(kept.Fetch);
        kept.Fetch.Release();
    }
}
