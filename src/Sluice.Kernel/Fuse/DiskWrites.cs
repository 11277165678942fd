using Sluice.Kernel.Syscalls;
using Sluice.Storage.Disks;

namespace Sluice.Kernel.Fuse;

/// <summary>
/// WRITE, FALLOCATE and FSYNC of writable disks. Writes and discards are done by the thread that read the request, to the page cache of the local
/// disk; flushes, which wait for that disk, and writes that may have to wait for one, by threads of their own.
/// </summary>
internal sealed class DiskWrites(FuseConnection connection, int flushThreads, Action<string> log) : IDisposable
{
    private const uint KeepSize = 1, PunchHole = 2, ZeroRange = 16;

    private readonly DiskFlushes _flushes = new(connection, flushThreads, log);

    public void Write(FuseWorker worker, DiskNode node)
    {
        if (!worker.TryBody(out FuseWriteIn write) || write.Offset > long.MaxValue || worker.DataOf<FuseWriteIn>() is var data && (uint)data.Length < write.Size)
        {
            worker.Fail(Errno.EINVAL);
            return;
        }

        DiskError? error = Do(worker, node, (long)write.Offset, (int)write.Size, isWrite: true);
        if (error == DiskError.None) worker.Reply(new FuseWriteOut { Size = write.Size });
        else if (error is { } failure) Refuse(worker, node, failure);
    }

    public void Allocate(FuseWorker worker, DiskNode node)
    {
        if (!worker.TryBody(out FuseAllocateIn request) || request.Offset > long.MaxValue || request.Length > long.MaxValue) worker.Fail(Errno.EINVAL);
        else if (request.Mode is not ((KeepSize | PunchHole) or (KeepSize | ZeroRange))) worker.Fail(Errno.EOPNOTSUPP);
        else if (Do(worker, node, (long)request.Offset, (long)request.Length, isWrite: false) is not { } error) return;
        else if (error == DiskError.None) worker.Reply(0);
        else Refuse(worker, node, error);
    }

    public void Flush(FuseWorker worker, DiskNode node)
    {
        if (node.TryEnter()) _flushes.Add(node, worker.Header.Unique);
        else worker.Fail(Errno.EIO);
    }

    /// <summary>Finds flushes whose time has passed; they go on.</summary>
    public void Expire(long now, Action<DiskNode, ulong> fail) => _flushes.Expire(now, fail);

    /// <summary>Adds flushes, and writes that wait for one.</summary>
    public OpenRequests CountOpen(OpenRequests open, long now, TimeSpan limit) => _flushes.CountOpen(open, now, limit);

    public void Dispose() => _flushes.Dispose();

    /// <returns>Null if it waits for a flush, and is answered then.</returns>
    private DiskError? Do(FuseWorker worker, DiskNode node, long offset, long length, bool isWrite)
    {
        if (node.Writable is not { } disk) return DiskError.ReadOnly;
        if (!node.TryEnter()) return DiskError.InputOutput;
        worker.Watch.Begin(node, worker.Header.Unique, Environment.TickCount64);
        bool held = false;
        try
        {
            ReadOnlySpan<byte> data = isWrite ? worker.DataOf<FuseWriteIn>()[..(int)length] : [];
            if (length > 0 && disk.MayWait(length))
            {
                _flushes.Hold(node, worker.Header.Unique, offset, length, data);
                held = true;
                return null;
            }

            DiskError error = isWrite ? disk.Write(offset, data) : disk.Discard(offset, length);
            if (disk.WantsFlush && node.TryEnter()) _flushes.AddUnasked(node);
            return error;
        }
        catch (Exception bug)
        {
            log($"disk {node.Disk.Name}: write threw {bug.GetType().Name}: {bug.Message}");
            return DiskError.InputOutput;
        }
        finally
        {
            worker.Watch.End();
            if (!held) node.Exit();
        }
    }

    private void Refuse(FuseWorker worker, DiskNode node, DiskError error)
    {
        if (node.FirstFailure(error)) log($"disk {node.Disk.Name}: a write failed: {Libc.Message((int)error)}");
        worker.Fail((int)error);
    }
}
