using Sluice.Kernel.Syscalls;
using Sluice.Storage.Disks;

namespace Sluice.Kernel.Fuse;

/// <summary>
/// Flushes disks for FSYNC requests. Requests of one disk that wait together are answered by one flush, as each asks for what was written
/// before it. Several disks are flushed at the same time, one disk by one thread.
/// </summary>
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

    /// <summary>A flush ahead of need, unless one is coming anyway.</summary>
    /// <param name="node">Entered; left when it was flushed, or now.</param>
    public void AddUnasked(DiskNode node)
    {
        lock (_gate)
        {
            if (node.Flushes.Count == 0 && !node.IsFlushing)
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
        if (node.Flushes.Count > 1 || node.IsFlushing) return;
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
            int count = 0;
            lock (_gate)
            {
                while (!_waiting.TryDequeue(out node))
                {
                    if (_ending) return;
                    Monitor.Wait(_gate);
                }

                node.IsFlushing = true;
                while (count < batch.Length && node.Flushes.TryDequeue(out ulong unique)) batch[count++] = unique;
            }

            DiskError error = Flush(node);
            lock (_gate)
            {
                node.IsFlushing = false;
                foreach (ulong unique in batch[..count]) Forget(unique);
                if (node.Flushes.Count > 0)
                {
                    _waiting.Enqueue(node);
                    Monitor.Pulse(_gate);
                }
            }

            foreach (ulong unique in batch[..count])
            {
                if (unique != Nobody) Answer(unique, error);
                node.Exit();
            }
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

    private void Answer(ulong unique, DiskError error)
    {
        var header = new FuseOutHeader { Length = (uint)sizeof(FuseOutHeader), Error = -(int)error, Unique = unique };
        int refused = _connection.HasLeft ? 0 : _connection.Descriptor.Send((byte*)&header, sizeof(FuseOutHeader));
        if (refused != 0) _connection.ReplyRefused(refused);
        _connection.Descriptor.DangerousRelease();
    }
}
