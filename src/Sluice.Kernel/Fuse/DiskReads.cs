using Sluice.Kernel.Syscalls;
using Sluice.Storage.Disks;

namespace Sluice.Kernel.Fuse;

/// <summary>
/// The READ path. A hit is answered by the reader thread from its own buffer. A miss takes a <see cref="PendingRead"/>
/// and is answered by whoever completes the fetch. When all places are taken, misses wait in line (they cost 40 bytes)
/// while hits and metadata go on; when the line is full, reader threads stop reading until a fetch ends.
/// </summary>
internal sealed class DiskReads(FuseConnection connection, int places, int lineLimit, Action<string> log) : IDisposable
{
    private readonly Lock _gate = new();
    private readonly Stack<PendingRead> _free = new(places);
    private readonly Queue<ReadRequest> _line = new(lineLimit);
    private readonly SemaphoreSlim _lineSpace = new(lineLimit, lineLimit);
    private int _created;
    private int _busy;
    private long _misses;
    private bool _closed;

    public FuseConnection Connection { get; } = connection;

    public long Misses => Interlocked.Read(ref _misses);

    /// <summary>Misses being fetched, and misses waiting for a place.</summary>
    public (int Fetching, int Waiting) Outstanding
    {
        get
        {
            lock (_gate) return (_busy, _line.Count);
        }
    }

    /// <summary>Answers a READ now, or keeps it until its bytes are here.</summary>
    public void Handle(FuseWorker worker, DiskNode node, in FuseReadIn read)
    {
        if (read.Size > FuseLayout.MaxRead || read.Offset > long.MaxValue)
        {
            worker.Fail(Errno.EINVAL);
            return;
        }

        int length = (int)Math.Clamp(node.Length - (long)read.Offset, 0, read.Size);
        if (length == 0)
        {
            worker.Reply(0);
            return;
        }

        if (!node.TryEnter())
        {
            worker.Fail(Errno.EIO);
            return;
        }

        var request = new ReadRequest(node, worker.Header.Unique, (long)read.Offset, length);
        if (TryHit(worker, request)) node.Exit();
        else Miss(request);
    }

    /// <summary>Ends a fetch and starts the next one in line with the freed place.</summary>
    public void Finish(PendingRead place, DiskError error)
    {
        AnswerAndExit(place, error);
        if (Next(place, out ReadRequest next)) Run(place, next);
    }

    public DiskError Faulted(DiskNode node, Exception bug)
    {
        log($"disk {node.Disk.Name}: read threw {bug.GetType().Name}: {bug.Message}");
        return DiskError.InputOutput;
    }

    /// <summary>Frees the buffers; those of running fetches are freed when the fetches end.</summary>
    public void Dispose()
    {
        lock (_gate)
        {
            _closed = true;
            while (_free.TryPop(out PendingRead? place)) place.Free();
        }
    }

    private bool TryHit(FuseWorker worker, in ReadRequest request)
    {
        Span<byte> destination = worker.Payload[..request.Length];
        int local = PendingRead.LocalPart(request);
        try
        {
            if (local > 0 && !request.Node.Disk.TryRead(request.Offset, destination[..local])) return false;
        }
        catch (Exception bug)
        {
            Faulted(request.Node, bug);
            worker.Fail(Errno.EIO);
            return true;
        }

        destination[local..].Clear();
        worker.Hits++;
        worker.Reply(request.Length);
        return true;
    }

    private void Miss(in ReadRequest request)
    {
        Interlocked.Increment(ref _misses);
        PendingRead? place;
        lock (_gate)
        {
            place = TakePlace();
            if (place is null && _lineSpace.Wait(0))
            {
                _line.Enqueue(request);
                return;
            }
        }

        if (place is null)
        {
            _lineSpace.Wait();
            lock (_gate)
            {
                place = TakePlace();
                if (place is null)
                {
                    _line.Enqueue(request);
                    return;
                }

                _lineSpace.Release();
            }
        }

        Run(place, request);
    }

    private PendingRead? TakePlace()
    {
        if (!_free.TryPop(out PendingRead? place))
        {
            if (_created == places) return null;
            _created++;
            place = new PendingRead(this);
        }

        bool held = false;
        Connection.Descriptor.DangerousAddRef(ref held); // until the answer is written
        _busy++;
        return place;
    }

    /// <summary>Works through requests until one has to wait for its fetch or the line is empty.</summary>
    private void Run(PendingRead place, ReadRequest request)
    {
        bool known = true;
        while (known)
        {
            if (!place.Start(request, out DiskError error)) return;
            AnswerAndExit(place, error);
            known = Next(place, out request);
        }
    }

    private void AnswerAndExit(PendingRead place, DiskError error)
    {
        DiskNode node = place.Request.Node;
        place.Answer(Connection.Descriptor, error);
        node.Exit();
    }

    private bool Next(PendingRead place, out ReadRequest request)
    {
        lock (_gate)
        {
            if (_line.TryDequeue(out request))
            {
                _lineSpace.Release();
                return true;
            }

            _busy--;
            Connection.Descriptor.DangerousRelease();
            if (_closed) place.Free();
            else _free.Push(place);
            return false;
        }
    }
}
