namespace Sluice.Storage.Cache;

/// <summary>
/// How much of the disk the cache uses and may use. Whatever is written takes its blocks before, and gives them back after they were punched or deleted, so that the
/// cache is never above its limit: chunks, pages of chunk maps, whole blobs, directories. Blocks that two blobs share count twice. All members may be called concurrently.
/// </summary>
/// <remarks>
/// The limit is the quota, or what the minimum of free space leaves, whichever is less; the latter is measured, as others use the disk, too.
/// <para>It also has the clock that the uses of chunks are noted by (<see cref="ChunkUse"/>): it ticks 256 times while as much is stored as fits into the cache.
/// So a node at rest does not forget, and the order of uses does not depend on how fast the machine is.</para>
/// </remarks>
internal sealed class CacheSpace
{
    private const long TicksPerLimit = 256;
    private const long TickWithoutLimit = 64 << 20;

    private readonly Lock _applying = new();
    private readonly string _root;
    private volatile CacheOptions _options;
    private readonly Action _evict;
    private long _used;
    private long _held;
    private long _limit = long.MaxValue;
    private long _untilTick;
    private long _wanted;
    private uint _now = ChunkUse.Start;

    /// <param name="evict">Called, perhaps often, while more is used than the high watermark allows. Must not wait.</param>
    public CacheSpace(string root, CacheOptions options, Action evict)
    {
        (_root, _options, _evict) = (root, options, evict);
        Measure();
        _untilTick = TickBytes;
    }

    public long Used => Volatile.Read(ref _used);

    /// <summary><see cref="long.MaxValue"/>: there is none.</summary>
    public long Limit => Volatile.Read(ref _limit);

    /// <summary>Eviction begins above it.</summary>
    public long High => PartOf(Limit, _options.HighWatermark);

    /// <summary>And ends here; or lower, where what was refused is larger than the room above.</summary>
    public long Low => Math.Max(Math.Min(PartOf(Limit, Math.Min(_options.LowWatermark, _options.HighWatermark)), Limit - Volatile.Read(ref _wanted)), 0);

    /// <summary>Bytes of files that the kernel reads by itself and that therefore can't be evicted.</summary>
    public long Held => Volatile.Read(ref _held);

    /// <summary>The clock of uses.</summary>
    public uint Now => Volatile.Read(ref _now);

    private long TickBytes => Limit == long.MaxValue ? TickWithoutLimit : Math.Max(Limit / TicksPerLimit, 1);

    /// <summary>So many bytes found no room: the next eviction makes it, also where that is more than the watermarks leave.</summary>
    public void Want(long bytes)
    {
        if (bytes <= Limit) Volatile.Write(ref _wanted, bytes);
        if (Used > High) _evict();
    }

    /// <summary>Something found no room since the last eviction.</summary>
    public bool IsWanted => Volatile.Read(ref _wanted) != 0;

    /// <summary>What was wanted before now has its room, or can't have it.</summary>
    public void EndWant() => Volatile.Write(ref _wanted, 0);

    /// <summary>Takes blocks that are going to be written; false: there is no room, see <see cref="Want"/>.</summary>
    public bool TryTake(long bytes)
    {
        long limit = Limit;
        long before, used;
        do
        {
            before = Used;
            used = before + bytes;
            if (used > limit) return false;
        }
        while (Interlocked.CompareExchange(ref _used, used, before) != before);

        if (Interlocked.Add(ref _untilTick, -bytes) <= 0)
        {
            // Two threads that meet here tick once or twice; nobody minds.
            Volatile.Write(ref _untilTick, TickBytes);
            Volatile.Write(ref _now, ChunkUse.Next(_now));
        }

        if (limit != long.MaxValue && used > High) _evict();
        return true;
    }

    /// <summary>Gives back; or, with a positive number, takes what is there already.</summary>
    public void Charge(long bytes)
    {
        if (Interlocked.Add(ref _used, bytes) > High && bytes > 0) _evict();
    }

    /// <summary>Lets the kernel have a file; false: it has half of the cache, and what is left must suffice for what comes.</summary>
    public bool TryHold(long bytes)
    {
        if (Interlocked.Add(ref _held, bytes) <= Limit / 2) return true;
        Interlocked.Add(ref _held, -bytes);
        return false;
    }

    /// <summary>The kernel has a file already; or, with a negative number, no longer.</summary>
    public void Hold(long bytes) => Interlocked.Add(ref _held, bytes);

    /// <summary>Quota, least free space and watermarks are others from now on; what is too much is evicted.</summary>
    public void Apply(CacheOptions options)
    {
        lock (_applying)
        {
            _options = options;
            if (options.Quota.IsNone && options.MinFree.IsNone) Volatile.Write(ref _limit, long.MaxValue);
        }

        Measure();
    }

    /// <summary>Looks how much of the disk is free.</summary>
    public void Measure()
    {
        CacheOptions options = _options;
        if (options.Quota.IsNone && options.MinFree.IsNone) return;
        try
        {
            DriveInfo disk = new(_root);
            long limit = options.Quota.IsNone ? long.MaxValue : options.Quota.In(disk.TotalSize);
            if (!options.MinFree.IsNone) limit = Math.Min(limit, Used + disk.AvailableFreeSpace - options.MinFree.In(disk.TotalSize));

            // The disk may have taken its time: others may hold by now.
            lock (_applying)
                if (ReferenceEquals(options, _options)) Volatile.Write(ref _limit, Math.Max(limit, 0));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // As before.
        }

        if (Used > High) _evict();
    }

    private static long PartOf(long limit, int percent) => limit == long.MaxValue ? limit : (long)((double)limit / 100 * percent);
}
