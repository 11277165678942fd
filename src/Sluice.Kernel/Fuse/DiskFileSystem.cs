using Sluice.Kernel.Syscalls;

namespace Sluice.Kernel.Fuse;

/// <summary>
/// The flat file system over a <see cref="DiskTable"/>: a root directory and one regular file per disk. Names don't change through it, only contents may.
/// Keeps no state per open file but their number, so FORGET has nothing to do.
/// </summary>
internal sealed class DiskFileSystem(DiskTable disks, DiskReads reads, DiskWrites? writes, BackingFiles backings) : IFuseHandler
{
    public void Handle(FuseWorker worker)
    {
        switch (worker.Header.Opcode)
        {
            case FuseOpcode.Read:
                Read(worker);
                break;
            case FuseOpcode.Lookup:
                Lookup(worker);
                break;
            case FuseOpcode.GetAttr:
                GetAttributes(worker);
                break;
            case FuseOpcode.Open:
                Open(worker);
                break;
            case FuseOpcode.OpenDir:
                worker.Reply(default(FuseOpenOut)); // ENOSYS would make the kernel cache the listing
                break;
            case FuseOpcode.ReadDir:
                List(worker, withAttributes: false);
                break;
            case FuseOpcode.ReadDirPlus:
                List(worker, withAttributes: true);
                break;
            case FuseOpcode.StatFs:
                worker.Reply(new FuseStatFs { Files = (ulong)disks.Count, BlockSize = DiskNode.BlockSize, FragmentSize = DiskNode.BlockSize, NameLimit = FuseLayout.NameLimit });
                break;
            case FuseOpcode.Write or FuseOpcode.FAllocate or FuseOpcode.FSync:
                Change(worker);
                break;
            case FuseOpcode.SetAttr:
                SetAttributes(worker);
                break;
            case FuseOpcode.Release:
                if (worker.TryBody(out ulong closed)) Find(worker)?.Closed(closed);
                worker.Reply(0);
                break;
            case FuseOpcode.ReleaseDir or FuseOpcode.Destroy or FuseOpcode.Flush or FuseOpcode.FSyncDir:
                worker.Reply(0);
                break;
            case FuseOpcode.Create or FuseOpcode.MkNod or FuseOpcode.MkDir or FuseOpcode.Unlink or FuseOpcode.RmDir or FuseOpcode.Rename or FuseOpcode.Rename2
                or FuseOpcode.Link or FuseOpcode.SymLink or FuseOpcode.TmpFile or FuseOpcode.SetXAttr or FuseOpcode.RemoveXAttr:
                worker.Fail(Errno.EPERM);
                break;
            case FuseOpcode.Forget or FuseOpcode.BatchForget:
                break;
            case FuseOpcode.Interrupt:
                break; // the read has a deadline of its own, and EINTR would surprise readers that a mere signal hit
            default:
                worker.Fail(Errno.ENOSYS); // the kernel asks once and never again
                break;
        }
    }

    /// <summary>The disk that a request's open file belongs to; null if that was removed, also where another one has its name now.</summary>
    private DiskNode? Find(FuseWorker worker) =>
        worker.TryBody(out ulong handle) && disks.Find(worker.Header.Node) is { } node && node.IsKnownBy(handle) ? node : null; // all of them begin with the handle

    private void Read(FuseWorker worker)
    {
        if (!worker.TryBody(out FuseReadIn read)) worker.Fail(Errno.EINVAL);
        else if (Find(worker) is { } node) reads.Handle(worker, node, read);
        else worker.Fail(Errno.EIO); // removed while open
    }

    private void Change(FuseWorker worker)
    {
        if (Find(worker) is not { } node) worker.Fail(Errno.EIO); // removed while open
        else if (writes is null || node.Writable is null) ChangeNothing(worker);
        else if (worker.Header.Opcode == FuseOpcode.Write) writes.Write(worker, node);
        else if (worker.Header.Opcode == FuseOpcode.FAllocate) writes.Allocate(worker, node);
        else writes.Flush(worker, node);
    }

    private static void ChangeNothing(FuseWorker worker)
    {
        if (worker.Header.Opcode == FuseOpcode.FSync) worker.Reply(0);
        else worker.Fail(Errno.EROFS);
    }

    /// <summary>Nothing can be set but what is: a disk's size never changes.</summary>
    private void SetAttributes(FuseWorker worker)
    {
        const uint owner = 1 | 2 | 4, size = 8; // mode, uid, gid
        if (!worker.TryBody(out FuseSetAttributesIn set)) worker.Fail(Errno.EINVAL);
        else if (disks.Find(worker.Header.Node) is { } node && (set.Valid & (owner | size)) == size && set.Size == (ulong)node.Length) GetAttributes(worker);
        else worker.Fail(Errno.EPERM);
    }

    private void Lookup(FuseWorker worker)
    {
        ReadOnlySpan<byte> name = worker.Body;
        int end = name.IndexOf((byte)0);
        if (end >= 0) name = name[..end];
        if (worker.Header.Node == FuseLayout.RootNode && disks.Find(name) is { } node) worker.Reply(DiskAttributes.Entry(node));
        else worker.Fail(Errno.ENOENT);
    }

    private void GetAttributes(FuseWorker worker)
    {
        ulong number = worker.Header.Node;
        if (number == FuseLayout.RootNode) worker.Reply(new FuseAttributesOut { ValidSeconds = DiskAttributes.ValidSeconds, Attributes = DiskAttributes.Root });
        else if (disks.Find(number) is { } node) worker.Reply(new FuseAttributesOut { ValidSeconds = DiskAttributes.ValidSeconds, Attributes = DiskAttributes.Of(node) });
        else worker.Fail(Errno.ENOENT);
    }

    private void Open(FuseWorker worker)
    {
        if (disks.Find(worker.Header.Node) is not { } node || !node.TryEnter())
        {
            worker.Fail(Errno.ENOENT);
            return;
        }

        const uint accessMode = 3;
        if (node.Writable is null && (!worker.TryBody(out FuseOpenIn open) || (open.Flags & accessMode) != Libc.O_RDONLY))
        {
            node.Exit();
            worker.Fail(Errno.EACCES);
            return;
        }

        int backing = backings.IdOf(node);
        node.Opened();
        bool taken = worker.Reply(new FuseOpenOut
        {
            Handle = node.Handle,
            Flags = FuseOpenFlags.NoFlush | FuseOpenFlags.ParallelDirectWrites | (backing != 0 ? FuseOpenFlags.Passthrough : FuseOpenFlags.DirectIo),
            BackingId = backing,
        });
        if (!taken) node.Closed(node.Handle); // the one who asked has gone, or the request is about to come again
        node.Exit();
    }

    private void List(FuseWorker worker, bool withAttributes)
    {
        if (worker.Header.Node != FuseLayout.RootNode || !worker.TryBody(out FuseReadIn read))
        {
            worker.Fail(Errno.EINVAL);
            return;
        }

        var listing = new DirectoryListing(worker.Payload[..(int)Math.Min(read.Size, FuseLayout.MaxRead)], withAttributes);
        worker.Reply(listing.Fill(disks, read.Offset));
    }
}
