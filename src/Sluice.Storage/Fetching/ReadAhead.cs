namespace Sluice.Storage.Fetching;

/// <summary>
/// Finds sequential readers of a blob and fetches ahead of them. Misses close behind one another are a stream; once it is
/// <see cref="FetchOptions.ReadAheadAfter"/> long, a window is fetched ahead that doubles while the reader follows. Reads that hit don't come through the miss path, so each window
/// has a trigger at its start: the read that touches it sets off the next window, as the kernel's own read-ahead does.
/// </summary>
internal sealed class ReadAhead
{
    private const int Streams = 4;

    // The kernel sends the requests of one read-ahead in parallel: they may arrive out of order.
    private const int ReorderSlack = 128 << 10;

    private readonly BlobReader _reader;
    private readonly Fetcher _fetcher;
    private readonly Lock _gate = new();
    private readonly Stream[] _streams = new Stream[Streams];
    private readonly long[] _triggers = new long[Streams];
    private readonly Step[] _steps = new Step[Streams];
    private long _clock;

    public ReadAhead(BlobReader reader, Fetcher fetcher)
    {
        (_reader, _fetcher) = (reader, fetcher);
        for (int index = 0; index < Streams; index++)
        {
            _triggers[index] = -1;
            _steps[index] = new Step(this, index);
            _streams[index].Next = -1;
        }
    }

    private FetchOptions Options => _fetcher.Options;

    /// <summary>On the hot path: a handful of compares, no lock, no allocation.</summary>
    public void OnHit(long offset, int length)
    {
        for (int index = 0; index < Streams; index++)
        {
            long trigger = Volatile.Read(ref _triggers[index]);
            if (trigger < offset || trigger >= offset + length) continue;
            if (Interlocked.CompareExchange(ref _triggers[index], -1, trigger) == trigger)
                ThreadPool.UnsafeQueueUserWorkItem(_steps[index], preferLocal: false);
        }
    }

    /// <param name="offset">Where the read began.</param>
    /// <param name="end">Where the last chunk that is fetched for it ends.</param>
    public void OnMiss(long offset, long end)
    {
        if (Options.MaxReadAhead == 0) return;
        (long Start, long Length) window;
        lock (_gate)
        {
            int index = FindStream(offset);
            ref Stream stream = ref _streams[index];
            stream.Used = ++_clock;
            if (stream.Next < 0)
            {
                stream = new Stream { Start = offset, Next = end, End = end, Used = _clock };
                return;
            }

            stream.Next = Math.Max(stream.Next, end);
            if (stream.Next - stream.Start < Options.ReadAheadAfter) return;
            window = Advance(index, Math.Max(end, stream.End));
        }

        _reader.StartPrefetch(window.Start, window.Length);
    }

    /// <summary>The stream that a read at <paramref name="offset"/> continues, or the one to give up for a new one.</summary>
    private int FindStream(long offset)
    {
        // What a demand fetch took along hits, so the next miss is that far away.
        long slack = 2L * Math.Max(Options.Amplification, Options.FirstReadAhead);
        int oldest = 0;
        for (int index = 0; index < Streams; index++)
        {
            ref Stream stream = ref _streams[index];
            if (stream.Next >= 0 && offset >= stream.Next - ReorderSlack && offset <= Math.Max(stream.Next, stream.End) + slack) return index;
            if (stream.Used < _streams[oldest].Used) oldest = index;
        }

        _streams[oldest] = new Stream { Next = -1 };
        Volatile.Write(ref _triggers[oldest], -1);
        return oldest;
    }

    private (long Start, long Length) Advance(int index, long start)
    {
        ref Stream stream = ref _streams[index];
        stream.Window = stream.Window == 0 ? Math.Min(Options.FirstReadAhead, Options.MaxReadAhead) : Math.Min(stream.Window * 2, Options.MaxReadAhead);
        stream.End = start + stream.Window;
        Volatile.Write(ref _triggers[index], start < _reader.Format.Length ? start : -1);
        return (start, stream.Window);
    }

    private void OnTrigger(int index)
    {
        (long Start, long Length) window;
        lock (_gate)
        {
            if (_streams[index].Next < 0) return;
            _streams[index].Used = ++_clock;
            window = Advance(index, _streams[index].End);
        }

        _reader.StartPrefetch(window.Start, window.Length);
    }

    private struct Stream
    {
        /// <summary>Where the first miss was.</summary>
        public long Start;

        /// <summary>Behind the last miss; -1 for a stream that is none.</summary>
        public long Next;

        /// <summary>Behind what was fetched ahead.</summary>
        public long End;

        public int Window;
        public long Used;
    }

    private sealed class Step(ReadAhead owner, int index) : IThreadPoolWorkItem
    {
        public void Execute() => owner.OnTrigger(index);
    }
}
