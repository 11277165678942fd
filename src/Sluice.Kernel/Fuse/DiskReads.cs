using Sluice.Kernel.Syscalls;
using Sluice.Storage.Disks;

namespace Sluice.Kernel.Fuse;

/// <summary>
/// The READ path. A hit is answered by the reader thread from its own buffer. A miss takes a <see cref="PendingRead"/>
/// and is answered by whoever completes the fetch. When all places, or all that one disk may have, are taken, misses wait
/// in their disk's line (they cost 40 bytes) while hits and metadata go on; free places go to the disks in turn, so that one
/// whose source hangs does not stop the others. When the lines are full, reader threads stop reading until a fetch ends.
/// A local disk that hangs holds the threads that read it; when it has them all, one more only keeps requests (see <see cref="FuseConnection.AreStuck"/>), until one of them is done.
/// </summary>
internal sealed class DiskReads(FuseConnection connection, int places, int placesPerDisk, int lineLimit, Action<string> log) : IDisposable
{
    private readonly Lock _gate = new();
    private readonly Stack<PendingRead> _free = new(places);
    private readonly List<PendingRead> _places = new(places);
    private readonly HashSet<DiskNode> _lines = []; // disks with misses that wait
    private readonly Queue<DiskNode> _turns = new(); // disks below their share with misses that wait: only while no place is free
    private readonly SemaphoreSlim _lineSpace = new(lineLimit, lineLimit);
    private readonly Queue<ReadRequest> _parked = new(); // read while all threads but one hang
    private volatile int _parkedCount;
    private int _created;
    private int _busy;
    private int _waiting;
    private long _misses;
    private bool _closed;

    public FuseConnection Connection { get; } = connection;

    public long Misses => Interlocked.Read(ref _misses);

    /// <summary>Misses being fetched, and requests waiting: misses for a place, others for a thread.</summary>
    public (int Fetching, int Waiting) Outstanding
    {
        get
        {
            lock (_gate) return (_busy, _waiting + _parked.Count);
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

        var request = new ReadRequest(node, worker.Header.Unique, (long)read.Offset, length, Environment.TickCount64);
        if (Connection.AreStuck)
        {
            Park(request);
            if (Connection.OthersHang(worker)) return; // each of them looks when it is done
        }
        else
        {
            Serve(worker, request);
        }

        while (TakeParked(out ReadRequest parked)) Serve(worker, parked);
    }

    private void Serve(FuseWorker worker, in ReadRequest request)
    {
        worker.Watch.Begin(request.Node, request.Unique, request.Since);
        if (TryHit(worker, request)) request.Node.Exit();
        else Miss(worker, request);
        worker.Watch.End();
        Connection.Done();
    }

    /// <summary>Keeps a request until a thread that hangs goes on, or its time has passed.</summary>
    private void Park(in ReadRequest request)
    {
        lock (_gate)
        {
            _parked.Enqueue(request);
            _parkedCount = _parked.Count;
        }
    }

    private bool TakeParked(out ReadRequest request)
    {
        request = default;
        Interlocked.MemoryBarrier(); // first this thread hangs no more, then it looks; who parks does it the other way round, and one of the two sees the other
        if (_parkedCount == 0) return false;
        lock (_gate)
        {
            bool taken = _parked.TryDequeue(out request);
            _parkedCount = _parked.Count;
            return taken;
        }
    }

    /// <summary>Ends a fetch and starts the next one in line with the freed place.</summary>
    public void Finish(PendingRead place, DiskError error)
    {
        DiskNode disk = AnswerAndExit(place, error);
        if (Next(place, disk, out ReadRequest next)) Run(place, next);
    }

    public DiskError Faulted(DiskNode node, Exception bug)
    {
        log($"disk {node.Disk.Name}: read threw {bug.GetType().Name}: {bug.Message}");
        return DiskError.InputOutput;
    }

    /// <summary>Finds requests whose time has passed: those in line leave it, those that are fetched go on for the cache.</summary>
    public void Expire(long now, Action<DiskNode, ulong> fail)
    {
        List<ReadRequest> expired = [];
        PendingRead[] all;
        lock (_gate)
        {
            all = [.. _places];
            foreach (DiskNode disk in _lines.ToArray())
            {
                while (disk.Misses.Waiting.TryPeek(out ReadRequest oldest) && disk.IsOverdue(oldest.Since, now)) expired.Add(Dequeue(disk));
            }

            for (int left = _parked.Count; left > 0; left--)
            {
                ReadRequest parked = _parked.Dequeue();
                if (parked.Node.IsOverdue(parked.Since, now)) expired.Add(parked);
                else _parked.Enqueue(parked);
            }

            _parkedCount = _parked.Count;
        }

        foreach (ReadRequest request in expired)
        {
            fail(request.Node, request.Unique);
            request.Node.Exit();
        }

        foreach (PendingRead place in all)
        {
            if (place.Watch.TryExpire(now, out ulong unique, out DiskNode? node)) fail(node, unique);
        }
    }

    public OpenRequests CountOpen(OpenRequests open, long now, TimeSpan limit)
    {
        lock (_gate)
        {
            foreach (DiskNode disk in _lines)
            {
                foreach (ReadRequest request in disk.Misses.Waiting) open = open.With(request.Since, now, limit);
            }

            foreach (PendingRead place in _places)
            {
                if (place.Watch.Since is not 0 and var since) open = open.With(since, now, limit);
            }
        }

        return open;
    }

    /// <summary>Gives back the memory of places that are free: a busy moment shall not cost it for good.</summary>
    public void Trim()
    {
        lock (_gate)
        {
            while (_free.TryPop(out PendingRead? place))
            {
                place.Free();
                _places.Remove(place);
                _created--;
            }
        }
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
            worker.Fail(Errno.EIO, request.Unique);
            return true;
        }

        destination[local..].Clear();
        worker.Hits++;
        worker.Reply(request.Length, request.Unique);
        return true;
    }

    private void Miss(FuseWorker worker, in ReadRequest request)
    {
        Interlocked.Increment(ref _misses);
        PendingRead? place;
        lock (_gate)
        {
            place = TakePlace(request.Node.Misses);
            if (place is null && _lineSpace.Wait(0))
            {
                Enqueue(request);
                return;
            }
        }

        if (place is null)
        {
            worker.Watch.End(); // this is what the lines are limited for
            _lineSpace.Wait();
            lock (_gate)
            {
                place = TakePlace(request.Node.Misses);
                if (place is null)
                {
                    Enqueue(request);
                    return;
                }

                _lineSpace.Release();
            }
        }

        Run(place, request);
    }

    /// <summary>A place for a disk's next miss; null if none is free, the disk has its share, or others of it were there before.</summary>
    private PendingRead? TakePlace(MissLine disk)
    {
        if (disk.Fetching >= placesPerDisk || disk.Waiting.Count > 0) return null;
        if (!_free.TryPop(out PendingRead? place))
        {
            if (_created == places) return null;
            _created++;
            place = new PendingRead(this);
            _places.Add(place);
        }

        bool held = false;
        Connection.Descriptor.DangerousAddRef(ref held); // until the answer is written
        _busy++;
        disk.Fetching++;
        return place;
    }

    private void Enqueue(in ReadRequest request)
    {
        request.Node.Misses.Waiting.Enqueue(request);
        _lines.Add(request.Node);
        _waiting++;
        TakeTurn(request.Node);
    }

    private ReadRequest Dequeue(DiskNode node)
    {
        ReadRequest request = node.Misses.Waiting.Dequeue();
        if (node.Misses.Waiting.Count == 0) _lines.Remove(node);
        _waiting--;
        _lineSpace.Release();
        return request;
    }

    private void TakeTurn(DiskNode node)
    {
        MissLine disk = node.Misses;
        if (disk.InTurn || disk.Waiting.Count == 0 || disk.Fetching >= placesPerDisk) return;
        disk.InTurn = true;
        _turns.Enqueue(node);
    }

    /// <summary>Works through requests until one has to wait for its fetch or none may have the place.</summary>
    private void Run(PendingRead place, ReadRequest request)
    {
        bool known = true;
        while (known)
        {
            if (!place.Start(request, out DiskError error)) return;
            DiskNode disk = AnswerAndExit(place, error);
            known = Next(place, disk, out request);
        }
    }

    private DiskNode AnswerAndExit(PendingRead place, DiskError error)
    {
        DiskNode node = place.Request.Node;
        place.Answer(Connection.Descriptor, error);
        node.Exit();
        return node;
    }

    /// <summary>Gives the place that <paramref name="before"/> had to the disk whose turn it is.</summary>
    private bool Next(PendingRead place, DiskNode before, out ReadRequest request)
    {
        lock (_gate)
        {
            before.Misses.Fetching--;
            TakeTurn(before);
            while (_turns.TryDequeue(out DiskNode? node))
            {
                node.Misses.InTurn = false;
                if (node.Misses.Waiting.Count == 0) continue; // they have waited too long
                node.Misses.Fetching++;
                request = Dequeue(node);
                TakeTurn(node);
                return true;
            }

            request = default;
            _busy--;
            Connection.Descriptor.DangerousRelease();
            if (_closed) place.Free();
            else _free.Push(place);
            return false;
        }
    }
}
