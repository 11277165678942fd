using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;
using Sluice.Kernel.Syscalls;

namespace Sluice.Kernel.Fuse;

/// <summary>
/// Passthrough: registers the files of complete disks with the kernel, which then reads them without the server. Once an
/// inode is open this way every further open must be, with the same id, so an id is kept until its disk is removed and
/// has to be handed to a successor.
/// </summary>
internal sealed class BackingFiles(FuseDescriptor descriptor, Action<string, int>? registered, Action<string> log)
{
    /// <summary>The connection has passthrough. Set when the session is known.</summary>
    public bool Enabled { get; set; }

    /// <summary>The backing id for an open of the disk now, or 0 for an open that is served.</summary>
    public int IdOf(DiskNode node)
    {
        if (!Enabled || node.BackingId != 0) return node.BackingId;
        try
        {
            if (node.Disk.CompleteFile is not { } file) return 0;
            lock (node)
            {
                if (node.BackingId == 0 && !node.PassthroughRefused) Register(node, file);
                return node.BackingId;
            }
        }
        catch (Exception lost) // the owner may close the file at any time
        {
            log($"disk {node.Disk.Name}: passthrough not used: {lost.Message}");
            return 0;
        }
    }

    /// <summary>Gives the kernel's handle back. Files that are open keep their backing file.</summary>
    public unsafe void Release(DiskNode node)
    {
        lock (node)
        {
            if (node.BackingId == 0) return;
            uint id = (uint)node.BackingId;
            node.BackingId = 0;
            node.PassthroughRefused = true;
            Libc.Ioctl(descriptor.Number, FuseLayout.BackingClose, &id);
        }
    }

    /// <summary>Before the kernel has an open with it: a successor must know it.</summary>
    private unsafe void Describe(DiskNode node, int id)
    {
        try
        {
            registered?.Invoke(node.Disk.Name, id);
        }
        catch
        {
            uint given = (uint)id;
            Libc.Ioctl(descriptor.Number, FuseLayout.BackingClose, &given);
            throw;
        }
    }

    private unsafe void Register(DiskNode node, SafeFileHandle file)
    {
        long length = RandomAccess.GetLength(file);
        if (length != node.Length)
        {
            node.PassthroughRefused = true;
            log($"disk {node.Disk.Name}: passthrough not used: the file has {length} bytes, the disk {node.Length}");
            return;
        }

        bool held = false;
        try
        {
            file.DangerousAddRef(ref held);
            var map = new FuseBackingMap { Descriptor = (int)file.DangerousGetHandle() };
            int id = Libc.Ioctl(descriptor.Number, FuseLayout.BackingOpen, &map);
            if (id > 0)
            {
                Describe(node, id);
                node.BackingId = id;
                return;
            }

            int errno = Marshal.GetLastPInvokeError();
            node.PassthroughRefused = true;
            log($"disk {node.Disk.Name}: passthrough refused: {Libc.Message(errno)} (the file must be on a plain, unstacked file system)");
        }
        finally
        {
            if (held) file.DangerousRelease();
        }
    }
}
