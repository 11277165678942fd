using System.Security.Cryptography;
using Sluice.Formats;
using Sluice.Formats.Hashing;
using Sluice.Formats.Oci;

namespace Sluice.Storage.Cache;

/// <summary>
/// All cached blobs of a node: <c>ROOT/ALGORITHM/HEX/{data,map}</c> and <c>ROOT/lock</c>, which one process holds.
/// A blob is open once, whoever uses it; its files stay when the last user is gone, until <see cref="RemoveUnused"/> or until their space is needed.
/// </summary>
public sealed partial class CacheDirectory : IDisposable
{
    /// <summary>Of the chunk maps. One of another version counts as empty.</summary>
    public const uint MapVersion = ChunkMapLayout.Version;

    // As much as RAFS allows; a sparse file of this size is near the limit of ext4.
    private const long MaxBlobSpace = 1L << 44;

    private readonly CacheOptions _options;
    private readonly CacheContext _context;
    private readonly string _root;
    private readonly DirectoryLock _lock;
    private readonly ITimer _flushTimer;
    private readonly Lock _gate = new();
    private readonly Dictionary<string, (BlobCache Cache, int Users)> _open = new(StringComparer.Ordinal);
    private int _flushing;
    private bool _disposed;

    /// <exception cref="SluiceException">The directory can't be made or written, or another process uses it.</exception>
    public CacheDirectory(string root, CacheOptions? options = null)
    {
        _options = options ?? new CacheOptions();
        _root = Path.GetFullPath(root);
        _lock = DirectoryLock.Take(_root, "stop the other process or give this one another --root"); // nobody else may look: private blobs
        _context = new CacheContext(_options, new CacheSpace(_root, _options, RequestEviction), new EqualChunks(), new CacheTotals());
        CountClosed();
        _flushTimer = _options.Time.CreateTimer(static state => ((CacheDirectory)state!).FlushInBackground(), this, _options.FlushInterval, _options.FlushInterval);
    }

    /// <summary>Figures of this moment.</summary>
    public CacheCounters Counters => _context.Totals.Read(_context.Space);

    /// <summary>Quota, least free space and watermarks are others from now on; the rest of the options stays as it is.</summary>
    public void Apply(CacheOptions options) => _context.Space.Apply(options);

    internal EqualChunks Equal => _context.Equal;

    /// <summary>So much more can be stored without anything being evicted.</summary>
    internal bool HasRoomFor(long bytes) => bytes <= _context.Space.High - _context.Space.Used;

    /// <summary>
    /// Opens the cache of a blob, or shares the open one. Every call is undone by one <see cref="Close"/>. An image whose chunk
    /// table contradicts that of another image gets a file of its own.
    /// </summary>
    /// <exception cref="InvalidFormatException">The format's chunks overlap or lie outside of the blob space.</exception>
    public BlobCache Open(IBlobFormat format)
    {
        CheckChunks(format);
        lock (_gate)
        {
            ObjectDisposedException.ThrowIf(_disposed, this);
            string shared = Path.Combine(format.Blob.Algorithm, format.Blob.Hex);
            if (_open.TryGetValue(shared, out (BlobCache Cache, int Users) open))
            {
                if (open.Cache.Length == format.Length && open.Cache.NumberCount == format.NumberCount && open.Cache.Identities.TryAdd(format))
                {
                    open.Cache.Account();
                    _open[shared] = (open.Cache, open.Users + 1);
                    return open.Cache;
                }
            }
            else if (Create(shared, format, mustAgree: true) is { } created)
            {
                return created;
            }

            string own = $"{shared}-{Fingerprint(format)}";
            if (!_open.TryGetValue(own, out open)) return Create(own, format, mustAgree: false)!;
            _open[own] = (open.Cache, open.Users + 1);
            return open.Cache;
        }
    }

    /// <summary>Gives back what <see cref="Open"/> gave. The last user's call makes the blob durable and closes its files.</summary>
    public void Close(BlobCache cache)
    {
        // The long sync outside of the lock, so that the one in there is short.
        cache.Flush();
        lock (_gate)
        {
            if (_disposed) return;
            (BlobCache open, int users) = _open[cache.Key];
            if (users > 1)
            {
                _open[cache.Key] = (open, users - 1);
                return;
            }

            _open.Remove(cache.Key);
            CloseFiles(open);
        }
    }

    /// <summary>Where a blob's files lie, whether they exist or not.</summary>
    internal string GetBlobDirectory(Digest blob) => Path.Combine(_root, blob.Algorithm, blob.Hex);

    /// <summary>Makes everything stored so far durable.</summary>
    public void Flush()
    {
        foreach (BlobCache cache in OpenCaches()) cache.Flush();
    }

    /// <summary>Closes what is still open, and lets another process have the directory.</summary>
    public void Dispose()
    {
        lock (_gate)
        {
            if (_disposed) return;
            _disposed = true;
            _flushTimer.Dispose();
            foreach ((BlobCache cache, _) in _open.Values) cache.Close();
            _open.Clear();
            _lock.Dispose();
        }
    }

    private BlobCache[] OpenCaches()
    {
        lock (_gate) return [.. _open.Values.Select(entry => entry.Cache)];
    }

    /// <summary>A disk that takes no files is no reason to refuse an image: its blobs are then read through.</summary>
    private BlobCache? Create(string key, IBlobFormat format, bool mustAgree)
    {
        _closed.Remove(key, out (long Bytes, long) closed);
        BlobCache cache = new(key, Path.Combine(_root, key), format, _context, closed.Bytes);
        bool agrees = cache.Identities.TryAdd(format);
        if (!agrees && mustAgree)
        {
            CloseFiles(cache);
            return null;
        }

        Used(key);
        CountBesides(key);
        cache.Account();
        if (agrees) cache.ApplyCleanShutdown();
        _open[key] = (cache, 1);
        return cache;
    }

    private void FlushInBackground()
    {
        if (Interlocked.Exchange(ref _flushing, 1) != 0) return;
        try
        {
            Flush();
            _context.Space.Measure();
        }
        finally
        {
            Volatile.Write(ref _flushing, 0);
        }
    }

    private static void CheckChunks(IBlobFormat format)
    {
        if (format.Length is < 0 or > MaxBlobSpace)
            throw new InvalidFormatException("chunk table", $"blob {format.Blob}: a blob space of {format.Length} bytes");
        AtomicBitmap seen = new(format.NumberCount);
        long end = 0;
        for (int slot = 0; slot < format.Count; slot++)
        {
            ChunkExtent extent = format.GetExtent(slot);
            if (extent.Offset < end || extent.Length <= 0 || extent.End > format.Length)
                throw new InvalidFormatException("chunk table", $"blob {format.Blob}: chunk {extent.Number} overlaps another or lies outside the blob space");
            if ((uint)extent.Number >= (uint)format.NumberCount || !seen.Set(extent.Number))
                throw new InvalidFormatException("chunk table", $"blob {format.Blob}: chunk number {extent.Number} is used twice or too large");
            end = extent.End;
        }
    }

    private static string Fingerprint(IBlobFormat format)
    {
        using IncrementalHash hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        Span<byte> entry = stackalloc byte[16 + ChunkDigest.Size];
        hash.AppendData(BitConverter.GetBytes(format.Length));
        for (int slot = 0; slot < format.Count; slot++)
        {
            ChunkExtent extent = format.GetExtent(slot);
            BitConverter.TryWriteBytes(entry, extent.Offset);
            BitConverter.TryWriteBytes(entry[8..], extent.Length);
            BitConverter.TryWriteBytes(entry[12..], extent.Number);
            format.GetIdentity(slot).CopyTo(entry[16..]);
            hash.AppendData(entry);
        }

        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }
}
