using Sluice.Formats.Oci;

namespace Sluice.Storage.Cache;

/// <summary>
/// The local copy of one blob: a sparse file laid out as the blob space, and a chunk map. Shared by all images of the
/// process that use the blob; opened and closed by <see cref="CacheDirectory"/>. All members may be called concurrently.
/// </summary>
/// <remarks>
/// A chunk is <b>present</b> when its bytes were once stored, <b>verified</b> when this process has checked them: at
/// <see cref="Store"/>, whose caller checks before, or by <see cref="CheckChunk"/> at the first read of what an earlier process
/// stored. Only verified chunks are served, so a chunk map from before a crash, a foreign map, bit rot or a file that was cut
/// while no one looked cost a fetch and never give wrong bytes.
/// <para>
/// What may still go wrong under a verified bit: the file is truncated while it is open (seen as a short read or before the next
/// write; everything behind the new end is dropped before the file grows again), and eviction, which makes holes. There the bits are cleared first, then <see cref="_generation"/> changes, then the bytes do.
/// A reader notes the generation, looks at the bits, reads, and looks at the generation again: bytes that may have been read from a hole are thrown away. That costs a hit two loads.
/// </para>
/// <para>
/// And a disk may fail to take what it was given. The kernel calls such pages clean, and when it needs their memory the next read brings what was on the disk before (fsync(2), NOTES).
/// So a chunk is <b>fresh</b> until a sync has succeeded, and a read of fresh chunks asks the kernel afterwards whether anything was lost, which costs it a system call; if so, all that is fresh is dropped.
/// </para>
/// <para>
/// Nobody writes a chunk and punches it at the same time: whoever does either has the chunk's bit in <see cref="_busy"/>. Files that the kernel reads by itself are never punched (<see cref="BlobFiles"/>).
/// </para>
/// </remarks>
public sealed partial class BlobCache
{
    // A reader whose bytes were thrown away looks again at once: the next change of the generation is a batch of evictions away.
    private const int MaxTries = 3;

    private readonly CacheContext _context;
    private readonly CacheOptions _options;
    private readonly string _directory;
    private readonly bool _hasDigests;
    private readonly ChunkRecord[] _records;
    private readonly uint[] _uses;
    private readonly AtomicBitmap _present;
    private readonly AtomicBitmap _verified;
    private readonly AtomicBitmap _occupied; // has blocks on the disk that were charged: present, or was so
    private readonly AtomicBitmap _busy;
    private readonly AtomicBitmap _fresh; // verified, but not on the disk for all we know
    private readonly AtomicBitmap _syncing; // was fresh when the sync began that is under way
    private readonly Lock _repair = new();
    private readonly Lock _opening = new();
    private volatile BlobFiles? _files;
    private int _generation;
    private int _losses;
    private long _writesFailUntil;
    private int _writeFailed; // 1 after a write failed, until one works
    private volatile bool _closed;

    /// <param name="directory">Where the files go. A disk that takes none is tried again later; the blob is read through meanwhile.</param>
    /// <param name="inherited">What is charged for these files already: the blob's from now on.</param>
    internal BlobCache(string key, string directory, IBlobFormat format, CacheContext context, long inherited = 0)
    {
        _charged = inherited;
        (Key, Blob, Length, _directory, _context, _options) = (key, format.Blob, format.Length, directory, context, context.Options);
        PaddedLength = (Length + 4095) & ~4095L;
        _hasDigests = format.HasContentDigests;
        _records = new ChunkRecord[format.NumberCount];
        _uses = new uint[format.NumberCount];
        _present = new AtomicBitmap(format.NumberCount);
        _verified = new AtomicBitmap(format.NumberCount);
        _occupied = new AtomicBitmap(format.NumberCount);
        _busy = new AtomicBitmap(format.NumberCount);
        _fresh = new AtomicBitmap(format.NumberCount);
        _syncing = new AtomicBitmap(format.NumberCount);
        _dirtyPages = new AtomicBitmap(ChunkMapLayout.PageCount(format.NumberCount));
        _paidPages = new AtomicBitmap(_dirtyPages.Length);
        OpenFiles();
    }

    public Digest Blob { get; }

    /// <summary>Bytes of the blob space.</summary>
    public long Length { get; }

    /// <summary>Bytes of the data file: <see cref="Length"/> rounded up to 4096.</summary>
    public long PaddedLength { get; }

    /// <summary>Chunks whose bytes were stored, now or by an earlier process.</summary>
    public long PresentChunks => _present.Count;

    /// <summary>Chunks that this process has checked and serves.</summary>
    public long VerifiedChunks => _verified.Count;

    /// <summary>The directory entry that this cache was opened under.</summary>
    internal string Key { get; }

    internal ChunkIdentities Identities { get; } = new();

    /// <summary>As <see cref="IBlobFormat.HasContentDigests"/>.</summary>
    internal bool HasContentDigests => _hasDigests;

    /// <summary>Changes when verified chunks were taken back.</summary>
    internal int Generation => Volatile.Read(ref _generation);

    /// <summary>How many chunk numbers the blob has.</summary>
    internal int NumberCount => _present.Length;

    public bool IsPresent(int number) => _present[number];

    public bool IsVerified(int number) => _verified[number];

    internal bool Covers(ulong known, int word) => (known & ~_verified.Word(word)) == 0;

    /// <summary>
    /// Reads blob space if every chunk of <paramref name="format"/> in the range is verified; gaps between chunks are zeros.
    /// Does not wait, lock or allocate. The range must lie within <see cref="PaddedLength"/>.
    /// </summary>
    public bool TryRead(IBlobFormat format, long offset, Span<byte> destination)
    {
        long end = offset + destination.Length;
        int first = format.Find(offset);
        for (int tries = 0; tries < MaxTries; tries++)
        {
            int generation = Volatile.Read(ref _generation);
            uint now = _context.Space.Now;
            for (int slot = first; slot < format.Count; slot++)
            {
                ChunkExtent extent = format.GetExtent(slot);
                if (extent.Offset >= end) break;
                if (!_verified[extent.Number]) return false;
                ref uint use = ref _uses[extent.Number];
                if (!ChunkUse.IsOf(use, now)) use = ChunkUse.Touch(use, now);
            }

            // After the verified bits: a chunk is fresh before it is verified.
            bool fresh = HasFresh && AnyFresh(format, first, end);
            if (!ReadFully(offset, destination)) return false;
            if (fresh) DropIfLost();
            Volatile.ReadBarrier();
            if (generation != _generation) continue;
            ClearGaps(format, first, offset, destination);
            return true;
        }

        return false;
    }

    /// <summary>
    /// Stores a chunk that the caller has checked. False if it could not be stored: the bytes are good, but the disk is not, and
    /// storing resumes by itself after <see cref="CacheOptions.WriteRetryDelay"/>; or the cache is at its limit.
    /// </summary>
    public bool Store(IBlobFormat format, int slot, ReadOnlySpan<byte> content)
    {
        ChunkIdentity chunk = ChunkIdentity.Of(format, slot);
        if (_verified[chunk.Number]) return true;
        if (BeginWrite(chunk.Extent) is not { } files) return false;
        try
        {
            RepairLength(files);
            int losses = Volatile.Read(ref _losses);
            RandomAccess.Write(files.Data, content, chunk.Offset);
            return Commit(chunk, content, losses);
        }
        catch (ObjectDisposedException)
        {
            return false; // a fetch that outlived its image
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            if (!_present[chunk.Number]) Vacate(chunk.Extent);
            NoteWriteFailure(e);
            return false;
        }
        finally
        {
            _busy.Clear(chunk.Number);
        }
    }

    /// <summary>
    /// Reads a present chunk and checks it; a chunk that fails is forgotten and has to be fetched again.
    /// </summary>
    /// <param name="destination">At least the chunk's length; holds the chunk if it is good.</param>
    internal ChunkState CheckChunk(in ChunkIdentity chunk, Span<byte> destination)
    {
        Span<byte> content = destination[..chunk.Length];
        for (int tries = 0; tries < MaxTries; tries++)
        {
            int generation = Generation;
            if (!_present[chunk.Number]) return ChunkState.Gone;
            bool good = ReadFully(chunk.Offset, content) && _records[chunk.Number] == ChunkRecord.Of(chunk.Number, chunk.Digest, content);
            lock (_repair)
            {
                if (generation != _generation) continue; // taken back under our hands, this chunk or another
                if (good) _verified.Set(chunk.Number);
            }

            if (!good) Forget(chunk.Number);
            _context.Totals.Checked(good);
            return good ? ChunkState.Good : ChunkState.Wrong;
        }

        return ChunkState.Gone;
    }

    /// <summary>The files to write a chunk to, and the chunk is ours until its bit in <see cref="_busy"/> is cleared; null if it can't be written now.</summary>
    private BlobFiles? BeginWrite(ChunkExtent extent)
    {
        if (WritesRest() || _closed) return null;
        if ((_files ?? OpenFiles()) is not { } files || !_busy.Set(extent.Number)) return null;
        if (!_closed && TryOccupy(extent)) return files;
        _busy.Clear(extent.Number);
        if (_closed) return null;
        _context.Totals.Refused();
        NoteLimit();
        return null;
    }

    /// <summary>The chunk's bytes are in the file.</summary>
    /// <param name="losses">From before they were written.</param>
    private bool Commit(in ChunkIdentity chunk, ReadOnlySpan<byte> content, int losses)
    {
        _records[chunk.Number] = ChunkRecord.Of(chunk.Number, chunk.Digest, content);
        _uses[chunk.Number] = ChunkUse.New(_context.Space.Now);
        NoteWriteSuccess();

        lock (_repair)
        {
            // Cut off or lost by a failed write-back while it was written: nobody knows whether the bytes are there.
            if (losses != _losses) return false;
            _fresh.Set(chunk.Number);
            _present.Set(chunk.Number);
            _verified.Set(chunk.Number);
        }

        MarkDirty(chunk.Number);
        if (_hasDigests) _context.Equal.Add(this, chunk.Number, chunk.Digest);
        _context.Totals.Stored(chunk.Length);
        return true;
    }

    /// <summary>False on a short or failed read, after which the cache has forgotten what is no longer there.</summary>
    private bool ReadFully(long offset, Span<byte> destination)
    {
        if (_files is not { } files)
        {
            // Only a range without chunks gets here: zeros.
            destination.Clear();
            return true;
        }

        try
        {
            int done = 0;
            while (done < destination.Length)
            {
                int read = RandomAccess.Read(files.Data, destination[done..], offset + done);
                if (read == 0)
                {
                    RepairLength(files);
                    return false;
                }

                done += read;
            }

            return true;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ObjectDisposedException)
        {
            return false;
        }
    }

    private long ToTicks(TimeSpan span) => (long)(span.TotalSeconds * _options.Time.TimestampFrequency);

    private void Log(string message) => _options.Log?.Invoke($"cache of blob {Blob}: {message}");

    private static void ClearGaps(IBlobFormat format, int slot, long offset, Span<byte> destination)
    {
        long position = offset;
        long end = offset + destination.Length;
        for (; slot < format.Count && position < end; slot++)
        {
            ChunkExtent extent = format.GetExtent(slot);
            if (extent.Offset > position)
            {
                long gap = Math.Min(extent.Offset, end) - position;
                destination.Slice((int)(position - offset), (int)gap).Clear();
            }

            position = Math.Max(position, extent.End);
        }

        if (position < end) destination[(int)(position - offset)..].Clear();
    }
}
