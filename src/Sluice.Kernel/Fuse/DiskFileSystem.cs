using Sluice.Kernel.Syscalls;

namespace Sluice.Kernel.Fuse;

/// <summary>
/// The flat, read-only file system over a <see cref="DiskTable"/>: a root directory and one regular file per disk.
/// Keeps no state per open file, so FORGET and RELEASE have nothing to do.
/// </summary>
internal sealed class DiskFileSystem(DiskTable disks, DiskReads reads, BackingFiles backings) : IFuseHandler
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
            case FuseOpcode.Release or FuseOpcode.ReleaseDir or FuseOpcode.Destroy:
                worker.Reply(0);
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

    private void Read(FuseWorker worker)
    {
        if (!worker.TryBody(out FuseReadIn read)) worker.Fail(Errno.EINVAL);
        else if (disks.Find(worker.Header.Node) is { } node) reads.Handle(worker, node, read);
        else worker.Fail(Errno.EIO); // removed while open
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

        int backing = backings.IdOf(node);
        node.Exit();
        worker.Reply(new FuseOpenOut
        {
            Handle = node.Number,
            Flags = FuseOpenFlags.NoFlush | (backing != 0 ? FuseOpenFlags.Passthrough : FuseOpenFlags.DirectIo),
            BackingId = backing,
        });
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
