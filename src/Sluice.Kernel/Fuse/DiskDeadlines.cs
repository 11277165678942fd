using Sluice.Kernel.Syscalls;

namespace Sluice.Kernel.Fuse;

/// <summary>
/// Ends requests in EIO whose time has passed, whatever they wait for: a place in line, a source, a local disk that hangs. Those who work on them see to deadlines by themselves and
/// can say what was wrong; this is for when they don't, so it comes a moment later.
/// </summary>
internal sealed class DiskDeadlines : IDisposable
{
    private readonly FuseConnection _connection;
    private readonly DiskReads _reads;
    private readonly DiskWrites? _writes;
    private readonly Action<string> _log;
    private readonly Timer _timer;

    public DiskDeadlines(FuseConnection connection, DiskReads reads, DiskWrites? writes, TimeSpan period, Action<string> log)
    {
        (_connection, _reads, _writes, _log) = (connection, reads, writes, log);
        _timer = new Timer(_ => Look(), null, period, period);
    }

    public void Dispose() => _timer.Dispose();

    private void Look()
    {
        long now = Environment.TickCount64;
        _reads.Expire(now, Fail);
        _writes?.Expire(now, Fail);
        foreach (FuseWorker worker in _connection.Workers)
        {
            if (worker.Watch.TryExpire(now, out ulong unique, out DiskNode? node)) Fail(node, unique);
        }

        if (_writes is null) _connection.FindStuck(now); // a thread that keeps writes would need memory for them
    }

    private unsafe void Fail(DiskNode node, ulong unique)
    {
        if (_connection.HasLeft) return;
        bool held = false;
        try
        {
            _connection.Descriptor.DangerousAddRef(ref held);
            var answer = new FuseOutHeader { Length = (uint)sizeof(FuseOutHeader), Error = -Errno.EIO, Unique = unique };
            if (_connection.Descriptor.Send((byte*)&answer, sizeof(FuseOutHeader)) == 0) _log($"disk {node.Disk.Name}: a request was not done in time ({node.Deadline?.TotalSeconds:0.#} s): EIO");
        }
        catch (ObjectDisposedException)
        {
            // The connection has ended, and its requests with it.
        }
        finally
        {
            if (held) _connection.Descriptor.DangerousRelease();
        }
    }
}
