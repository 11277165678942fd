using System.Runtime.InteropServices;
using Sluice.Kernel.Syscalls;
using Sluice.Storage.Disks;

namespace Sluice.Kernel.Fuse;

/// <summary>
/// Flushes disks for FSYNC requests. Requests of one disk that wait together are answered by one flush, as each asks for what was written
/// before it. Several disks are flushed at the same time, one disk by one thread. What may have to wait for a flush is done here, too, behind
/// the next one: a disk that syncs slowly takes one of these threads, and none of those that read requests.
/// </summary>
/// <remarks>What is held is native memory, a copy of each request: bounded by how many the kernel sends before it has answers, 256 of at most 1 MiB.</remarks>
internal sealed unsafe class DiskFlushes : IDisposable
{
    /// <summary>No request: a flush that nobody waits for.</summary>
    private const ulong Nobody = 0;

    private readonly FuseConnection _connection;
    private readonly Action<string> _log;
    private readonly object _gate = new();
    private readonly Queue<DiskNode> _waiting = new(64);
    private readonly List<(DiskNode Node, ulong Unique, long Since)> _unanswered = new(1024);
    private bool _ending;

    public DiskFlushes(FuseConnection connection, int threads, Action<string> log)
    {
        (_connection, _log) = (connection, log);
        for (int i = 0; i < threads; i++) new Thread(Run) { IsBackground = true, Name = $"flush-{i}" }.Start();
    }

    /// <param name="node">Entered; left when it was flushed.</param>
    /// <param name="unique">The request to answer.</param>
    public void Add(DiskNode node, ulong unique)
    {
        bool held = false;
        _connection.Descriptor.DangerousAddRef(ref held); // until the answer is written
        lock (_gate)
        {
            _unanswered.Add((node, unique, Environment.TickCount64));
            Enqueue(node, unique);
        }
    }

    /// <summary>Keeps a write, or a discard, until the disk was flushed; it is answered then.</summary>
    /// <param name="node">Entered; left when it was done.</param>
    /// <param name="unique">The request to answer.</param>
    /// <param name="data">Copied; empty for a discard.</param>
    public void Hold(DiskNode node, ulong unique, long offset, long length, ReadOnlySpan<byte> data)
    {
        void* copy = data.IsEmpty ? null : NativeMemory.Alloc((nuint)data.Length);
        if (copy is not null) data.CopyTo(new Span<byte>(copy, data.Length));
        bool held = false;
        _connection.Descriptor.DangerousAddRef(ref held); // until the answer is written
        lock (_gate)
        {
            _unanswered.Add((node, unique, Environment.TickCount64));
            node.HeldWrites.Enqueue(new HeldWrite(unique, (nint)copy, offset, length));
            TakeTurn(node);
        }
    }

    /// <summary>A flush ahead of need, unless one is coming anyway.</summary>
    /// <param name="node">Entered; left when it was flushed, or now.</param>
    public void AddUnasked(DiskNode node)
    {
        lock (_gate)
        {
            if (!node.IsInLine && !node.IsFlushing)
            {
                Enqueue(node, Nobody);
                return;
            }
        }

        node.Exit();
    }

    /// <summary>Finds requests whose time has passed; what they ask for goes on.</summary>
    public void Expire(long now, Action<DiskNode, ulong> fail)
    {
        List<(DiskNode Node, ulong Unique)> expired = [];
        lock (_gate)
        {
            for (int i = _unanswered.Count - 1; i >= 0; i--)
            {
                if (!_unanswered[i].Node.IsOverdue(_unanswered[i].Since, now)) continue;
                expired.Add((_unanswered[i].Node, _unanswered[i].Unique));
                _unanswered.RemoveAt(i);
            }
        }

        foreach ((DiskNode node, ulong unique) in expired) fail(node, unique);
    }

    public OpenRequests CountOpen(OpenRequests open, long now, TimeSpan limit)
    {
        lock (_gate)
        {
            foreach ((_, _, long since) in _unanswered) open = open.With(since, now, limit);
        }

        return open;
    }

    /// <summary>The threads end when they have flushed what waits.</summary>
    public void Dispose()
    {
        lock (_gate)
        {
            _ending = true;
            Monitor.PulseAll(_gate);
        }
    }

    private void Enqueue(DiskNode node, ulong unique)
    {
        node.Flushes.Enqueue(unique);
        TakeTurn(node);
    }

    private void TakeTurn(DiskNode node)
    {
        if (node.IsInLine || node.IsFlushing) return;
        node.IsInLine = true;
        _waiting.Enqueue(node);
        Monitor.Pulse(_gate);
    }

    private void Run()
    {
        IoFlusher.Enter(_log);
        Span<ulong> batch = stackalloc ulong[64];
        while (true)
        {
            DiskNode? node;
            int count = 0, writes;
            lock (_gate)
            {
                while (!_waiting.TryDequeue(out node))
                {
                    if (_ending) return;
                    Monitor.Wait(_gate);
                }

                (node.IsInLine, node.IsFlushing) = (false, true);
                writes = node.HeldWrites.Count;
                while (count < batch.Length && node.Flushes.TryDequeue(out ulong unique)) batch[count++] = unique;
            }

            DiskError error = Flush(node);
            foreach (ulong unique in batch[..count])
            {
                if (unique != Nobody) Answer(unique, error);
            }

            for (int i = 0; i < writes; i++) Do(node);
            lock (_gate)
            {
                node.IsFlushing = false;
                if (node.Flushes.Count + node.HeldWrites.Count > 0) TakeTurn(node);
            }

            for (int i = 0; i < count + writes; i++) node.Exit();
        }
    }

    private void Forget(ulong unique)
    {
        for (int i = 0; i < _unanswered.Count; i++)
        {
            if (_unanswered[i].Unique != unique) continue;
            _unanswered.RemoveAt(i);
            return;
        }
    }

    /// <summary>Does the oldest write that was held, and answers it.</summary>
    private void Do(DiskNode node)
    {
        HeldWrite write;
        lock (_gate) write = node.HeldWrites.Dequeue();
        DiskError error = DiskError.InputOutput;
        try
        {
            error = write.IsDiscard ? node.Writable!.Discard(write.Offset, write.Length) : node.Writable!.Write(write.Offset, write.Bytes);
        }
        catch (Exception bug)
        {
            _log($"disk {node.Disk.Name}: write threw {bug.GetType().Name}: {bug.Message}");
        }

        NativeMemory.Free((void*)write.Data);
        if (error != DiskError.None && node.FirstFailure(error)) _log($"disk {node.Disk.Name}: a write failed: {Libc.Message((int)error)}");
        Answer(write.Unique, error, write.IsDiscard ? 0 : (int)write.Length);
    }

    private DiskError Flush(DiskNode node)
    {
        DiskError error;
        try
        {
            error = node.Writable?.Flush() ?? DiskError.None;
        }
        catch (Exception bug)
        {
            _log($"disk {node.Disk.Name}: flush threw {bug.GetType().Name}: {bug.Message}");
            return DiskError.InputOutput;
        }

        if (error != DiskError.None && node.FirstFailure(error)) _log($"disk {node.Disk.Name}: a flush failed: {Libc.Message((int)error)}");
        return error;
    }

    /// <param name="written">Bytes, for the answer of a WRITE; 0 for requests whose answer says nothing.</param>
    private void Answer(ulong unique, DiskError error, int written = 0)
    {
        lock (_gate) Forget(unique);
        byte* message = stackalloc byte[sizeof(FuseOutHeader) + sizeof(FuseWriteOut)];
        int length = sizeof(FuseOutHeader) + (error == DiskError.None && written > 0 ? sizeof(FuseWriteOut) : 0);
        *(FuseOutHeader*)message = new FuseOutHeader { Length = (uint)length, Error = -(int)error, Unique = unique };
        *(FuseWriteOut*)(message + sizeof(FuseOutHeader)) = new FuseWriteOut { Size = (uint)written };
        int refused = _connection.HasLeft ? 0 : _connection.Descriptor.Send(message, length);
        if (refused != 0) _connection.ReplyRefused(refused);
        _connection.Descriptor.DangerousRelease();
    }
}
