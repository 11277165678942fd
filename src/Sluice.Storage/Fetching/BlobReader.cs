using Microsoft.Win32.SafeHandles;
using Sluice.Storage.Activity;
using Sluice.Storage.Cache;
using Sluice.Storage.Disks;
using Sluice.Storage.Sources;
using Sluice.Storage.Traces;

namespace Sluice.Storage.Fetching;

/// <summary>
/// One image's view of one blob: its format, the shared cache file and the sources to ask, in order. Reads blob space.
/// All members may be called concurrently; disposing gives the cache back but leaves format and sources alone.
/// </summary>
public sealed partial class BlobReader : IDisposable
{
    private const int BesideChunks = 256 << 10;

    private readonly CacheDirectory _directory;
    private readonly Fetcher _fetcher;
    private readonly ReadAhead _readAhead;
    private readonly Func<TimeSpan>? _deadline;
    private readonly Lock _completing = new();
    private ulong[]? _known;
    private int _covered;
    private int _coveredGeneration;
    private SafeFileHandle? _complete;
    private readonly IReadOnlyList<IBlobSource> _listed;
    private SourceSet _sources;
    private BlobTouches? _touches; // of the latest recorder
    private readonly CancellationTokenSource _closing = new();
    private volatile bool _disposed;

    /// <param name="activity">Of the image; null: nobody wants to know.</param>
    /// <param name="deadline">Of its reads, asked at each that misses; null: the fetcher's.</param>
    /// <exception cref="Formats.SluiceException">The cache files can't be opened, or the format contradicts itself.</exception>
    public BlobReader(IBlobFormat format, CacheDirectory directory, Fetcher fetcher, IReadOnlyList<IBlobSource> sources, ImageActivity? activity = null, Func<TimeSpan>? deadline = null)
    {
        if (sources.Count == 0) throw new ArgumentException("a blob needs a source", nameof(sources));
        Format = format;
        (_directory, _fetcher, _listed) = (directory, fetcher, sources);
        _deadline = deadline;
        _sources = new SourceSet(FollowedSources.Of(sources), fetcher);
        Activity = activity ?? new ImageActivity($"blob {format.Blob}");
        _readAhead = new ReadAhead(this, fetcher);
        Closing = _closing.Token;
        Cache = directory.Open(format);
    }

    public IBlobFormat Format { get; }

    public BlobCache Cache { get; }

    /// <summary>As they are now.</summary>
    internal SourceSet Sources
    {
        get
        {
            IReadOnlyList<IBlobSource> now = FollowedSources.Of(_listed);
            SourceSet known = Volatile.Read(ref _sources);
            if (ReferenceEquals(known.Listed, now)) return known;
            SourceSet set = new(now, _fetcher); // two at once: what one of them learns of its sources is learned again
            Volatile.Write(ref _sources, set);
            return set;
        }
    }

    /// <summary>From a read's arrival to its end in data or an error.</summary>
    internal TimeSpan Deadline => _deadline?.Invoke() ?? _fetcher.Options.RequestDeadline;

    /// <summary>What is done for the image.</summary>
    internal ImageActivity Activity { get; }

    internal bool IsDisposed => _disposed;

    /// <summary>Cancelled when this is disposed: who waits for a better moment must not keep what it holds of a closed image.</summary>
    public CancellationToken Closing { get; }

    /// <summary>A read of some image waits for bytes.</summary>
    internal bool OthersWait => _fetcher.Counters.WaitingReads > 0;

    /// <summary>So much more blob space can be stored, and what is stored beside chunks, their map say, without anything being evicted.</summary>
    internal bool HasRoomFor(long bytes) => _directory.HasRoomFor(bytes + BesideChunks);

    /// <summary>
    /// The blob space as a file, once every chunk that this image knows is local and verified; null until then. Ranges
    /// that belong to no chunk of this image may hold verified chunks of another image. The reader owns the handle.
    /// </summary>
    public SafeFileHandle? CompleteFile
    {
        get
        {
            if (Cache.VerifiedChunks < Format.Count) return null;
            lock (_completing)
            {
                if (_disposed || !CoversAll()) return null;
                return _complete ??= HandOut();
            }
        }
    }

    /// <summary>True if all chunks in a range are stored, checked by this process or not yet.</summary>
    public bool Holds(long offset, long length) => !MissingIn(offset, length).Any();

    /// <summary>The chunks of a range, those that lie in it in part included.</summary>
    internal IEnumerable<ChunkExtent> ChunksIn(long offset, long length)
    {
        for (int slot = Format.Find(offset); slot < Format.Count && Format.GetExtent(slot) is var chunk && chunk.Offset < offset + length; slot++) yield return chunk;
    }

    /// <summary>Those of them that are not stored.</summary>
    internal IEnumerable<ChunkExtent> MissingIn(long offset, long length) => ChunksIn(offset, length).Where(chunk => !Cache.IsPresent(chunk.Number));

    /// <summary>As <see cref="IDisk.Fill"/>, of a range.</summary>
    public DiskFill Fill(long offset, long length)
    {
        DiskFill fill = default;
        long end = offset + length;
        for (int slot = Format.Find(offset); slot < Format.Count; slot++)
        {
            ChunkExtent extent = Format.GetExtent(slot);
            if (extent.Offset >= end) break;
            long inside = Math.Min(extent.End, end) - Math.Max(extent.Offset, offset);
            fill += new DiskFill(Cache.IsPresent(extent.Number) ? inside : 0, inside);
        }

        return fill;
    }

    /// <summary>As <see cref="IDisk.TryRead"/>; the range lies within <see cref="BlobCache.PaddedLength"/>.</summary>
    public bool TryRead(long offset, Span<byte> destination)
    {
        if (!Cache.TryRead(Format, offset, destination)) return false;
        _fetcher.Counters.Hit(destination.Length);
        Activity.Hit();
        if (Activity.Recorder is { } recorder) TouchesOf(recorder).Touch(Format, offset, destination.Length);
        _readAhead.OnHit(offset, destination.Length);
        return true;
    }

    public void Dispose()
    {
        lock (_completing)
        {
            if (_disposed) return;
            _disposed = true;
            _complete?.Dispose();
        }

        _closing.Cancel();
        _closing.Dispose();
        _fetcher.Remove(this);
        _directory.Close(Cache);
    }

    /// <summary>Stores a chunk that was checked, if the disk and the limit allow.</summary>
    internal void Store(int slot, ReadOnlySpan<byte> content)
    {
        if (!Cache.Store(Format, slot, content) && !(_directory.TryMakeRoom() && Cache.Store(Format, slot, content))) _fetcher.Counters.NotStored();
    }

    /// <summary>Another blob's chunk that has the digest of one of this image; null if there is none, or the format has no digests.</summary>
    internal (BlobCache Cache, int Number)? FindEqual(int slot) =>
        Format.HasContentDigests ? _directory.Equal.Find(Cache, Format.GetIdentity(slot)) : null;

    private BlobTouches TouchesOf(TraceRecorder recorder)
    {
        BlobTouches? touches = _touches;
        if (touches?.Recorder != recorder) _touches = touches = recorder.Of(Format);
        return touches;
    }

    /// <summary>Looks once more when nothing can be evicted any longer.</summary>
    private SafeFileHandle? HandOut()
    {
        SafeFileHandle? file = Cache.HandOut();
        if (file is null || CoversAll()) return file;
        file.Dispose();
        return null;
    }

    /// <summary>Looks only at what was not covered last time: verified bits stay, unless the generation says otherwise.</summary>
    private bool CoversAll()
    {
        int generation = Cache.Generation;
        if (generation != _coveredGeneration) (_covered, _coveredGeneration) = (0, generation);
        ulong[] known = _known ??= KnownNumbers();
        while (_covered < known.Length && Cache.Covers(known[_covered], _covered)) _covered++;
        return _covered == known.Length;
    }

    private ulong[] KnownNumbers()
    {
        ulong[] known = new ulong[(Format.NumberCount + 63) / 64];
        for (int slot = 0; slot < Format.Count; slot++)
        {
            int number = Format.GetExtent(slot).Number;
            known[number >> 6] |= 1UL << number;
        }

        return known;
    }
}
