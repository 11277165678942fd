using Microsoft.Win32.SafeHandles;
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
/// write; everything behind the new end is dropped before the file grows again, and <see cref="_generation"/> makes readers that
/// were under way throw their bytes away), and a failed write-back (seen by the sync in <see cref="Flush"/>, after which nothing
/// is believed any more until checked again).
/// </para>
/// </remarks>
public sealed partial class BlobCache
{
    private readonly CacheOptions _options;
    private readonly SafeFileHandle? _data;
    private readonly ChunkMapFile? _map;
    private readonly ChunkSums? _sums;
    private readonly AtomicBitmap _present;
    private readonly AtomicBitmap _verified;
    private readonly Lock _repair = new();
    private int _generation;
    private long _writesFailUntil;
    private volatile bool _writeFailed;

    /// <param name="directory">Where the files go; null for a cache that stores nothing, on a disk that takes no files.</param>
    internal BlobCache(string key, string? directory, IBlobFormat format, CacheOptions options)
    {
        (Key, Blob, Length, _options) = (key, format.Blob, format.Length, options);
        PaddedLength = (Length + 4095) & ~4095L;
        _present = new AtomicBitmap(format.NumberCount);
        _verified = new AtomicBitmap(format.NumberCount);
        _dirtyPages = new AtomicBitmap(ChunkMapLayout.PageCount(format.NumberCount));
        if (directory is null) return;
        Directory.CreateDirectory(directory);
        _map = ChunkMapFile.Open(Path.Combine(directory, "map"), Blob, Length, _present, out _cleanIdentities);
        try
        {
            if (!format.HasContentDigests) _sums = ChunkSums.Open(Path.Combine(directory, "sums"), format);
            _data = OpenData(Path.Combine(directory, "data"));
        }
        catch
        {
            _map.Dispose();
            _sums?.Dispose();
            throw;
        }
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
        int generation = Volatile.Read(ref _generation);
        long end = offset + destination.Length;
        int first = format.Find(offset);
        for (int slot = first; slot < format.Count; slot++)
        {
            ChunkExtent extent = format.GetExtent(slot);
            if (extent.Offset >= end) break;
            if (!_verified[extent.Number]) return false;
        }

        if (!ReadFully(offset, destination)) return false;
        Volatile.ReadBarrier();
        if (generation != _generation) return false;
        ClearGaps(format, first, offset, destination);
        return true;
    }

    /// <summary>
    /// Stores a chunk that the caller has checked. False if it could not be stored: the bytes are good, the disk is not, and
    /// storing resumes by itself after <see cref="CacheOptions.WriteRetryDelay"/>.
    /// </summary>
    public bool Store(ChunkExtent extent, ReadOnlySpan<byte> content)
    {
        if (_verified[extent.Number]) return true;
        if (_data is null) return false;
        bool retrying = _writeFailed;
        int generation;
        if (_options.Time.GetTimestamp() < Volatile.Read(ref _writesFailUntil)) return false;
        try
        {
            RepairLength();
            generation = Generation;
            RandomAccess.Write(_data, content, extent.Offset);
            _sums?.Set(extent.Number, content);
        }
        catch (ObjectDisposedException)
        {
            return false; // a fetch that outlived its image
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            NoteWriteFailure(e);
            return false;
        }

        if (retrying && _writeFailed)
        {
            _writeFailed = false;
            Log("storing again");
        }

        lock (_repair)
        {
            // Cut off or lost by a failed write-back while it was written: nobody knows whether the bytes are there.
            if (generation != _generation) return false;
            _present.Set(extent.Number);
            _verified.Set(extent.Number);
        }

        MarkDirty(extent.Number);
        return true;
    }

    /// <summary>
    /// Reads a present chunk and checks it; a chunk that fails is forgotten and has to be fetched again.
    /// </summary>
    /// <param name="destination">At least the chunk's length; holds the chunk if the answer is true.</param>
    internal bool CheckChunk(IBlobFormat format, int slot, Span<byte> destination)
    {
        ChunkExtent extent = format.GetExtent(slot);
        int generation = Generation;
        Span<byte> content = destination[..extent.Length];
        if (!ReadFully(extent.Offset, content) || !(_sums?.Matches(extent.Number, content) ?? format.Verify(slot, content)))
        {
            Forget(extent.Number);
            return false;
        }

        lock (_repair)
        {
            // Taken back under our hands: the bytes are good, the bit would not be.
            if (generation == _generation) _verified.Set(extent.Number);
        }

        return true;
    }

    /// <summary>A second, read-only descriptor of the data file, also when its name is gone; null if there is no file or none can be had.</summary>
    internal SafeFileHandle? Reopen()
    {
        if (_data is null) return null;
        try
        {
            return File.OpenHandle($"/proc/self/fd/{_data.DangerousGetHandle()}", FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ObjectDisposedException)
        {
            Log($"can't hand out the complete file: {e.Message}");
            return null;
        }
    }

    private SafeFileHandle OpenData(string path)
    {
        SafeFileHandle data = File.OpenHandle(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.ReadWrite | FileShare.Delete);
        try
        {
            if (RandomAccess.GetLength(data) == PaddedLength) return data;
            if (_present.Count != 0) Log("the data file does not have the blob's length: dropped");
            ForgetAll();
            RandomAccess.SetLength(data, 0);
            RandomAccess.SetLength(data, PaddedLength);
            return data;
        }
        catch
        {
            data.Dispose();
            throw;
        }
    }

    /// <summary>False on a short or failed read, after which the cache has forgotten what is no longer there.</summary>
    private bool ReadFully(long offset, Span<byte> destination)
    {
        if (_data is null)
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
                int read = RandomAccess.Read(_data, destination[done..], offset + done);
                if (read == 0)
                {
                    RepairLength();
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
