using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;
using Sluice.Formats;
using Sluice.Kernel.Syscalls;

namespace Sluice.Kernel.Fuse;

/// <summary>
/// The descriptor of <c>/dev/fuse</c>. One is shared by all threads: clones are no faster, and a request read through a
/// clone can get lost with its process. A reference is held for each unanswered request, so a late answer can never be
/// written into another file that got the same number.
/// </summary>
public sealed class FuseDescriptor : SafeHandleZeroOrMinusOneIsInvalid
{
    /// <summary>An empty handle; use <see cref="Adopt"/>.</summary>
    public FuseDescriptor()
        : base(ownsHandle: true)
    {
    }

    /// <summary>
    /// Takes over a descriptor that another process held (inherited, or received over a socket). It is owned from now on
    /// and not inherited by children: one that kept it would keep the connection alive.
    /// </summary>
    public static FuseDescriptor Adopt(int descriptor)
    {
        Libc.Fcntl(descriptor, Libc.F_SETFD, Libc.FD_CLOEXEC);
        var adopted = new FuseDescriptor();
        adopted.SetHandle(descriptor);
        return adopted;
    }

    internal int Number => (int)handle;

    internal static FuseDescriptor Open()
    {
        int fd = Libc.Open("/dev/fuse", Libc.O_RDWR | Libc.O_CLOEXEC, 0);
        if (fd < 0) throw KernelError.Last("/dev/fuse", "can't be opened", "modprobe fuse; run as root");
        return Adopt(fd);
    }

    /// <summary>Attaches a new connection to a directory. Returns before the kernel has sent INIT.</summary>
    internal void Mount(string source, string mountPoint, bool writable)
    {
        string data = $"fd={Number},rootmode=40000,user_id=0,group_id=0,allow_other,default_permissions,max_read={FuseLayout.MaxRead}";
        nuint flags = Libc.MS_NOSUID | Libc.MS_NODEV | (writable ? 0 : Libc.MS_RDONLY);
        if (Libc.Mount(source, mountPoint, "fuse", flags, data) != 0) throw KernelError.Last(mountPoint, "FUSE mount refused", "run as root");
    }

    /// <summary>Sends a reply or a notification in one write(2); returns 0 or the errno.</summary>
    internal unsafe int Send(byte* message, int length)
    {
        while (Libc.Write(Number, message, (nuint)length) < 0)
        {
            int errno = Marshal.GetLastPInvokeError();
            if (errno != Errno.EINTR) return errno;
        }

        return 0;
    }

    internal unsafe int Notify(FuseNotification code, ReadOnlySpan<byte> body)
    {
        byte[] message = new byte[sizeof(FuseOutHeader) + body.Length];
        var header = new FuseOutHeader { Length = (uint)message.Length, Error = (int)code };
        MemoryMarshal.Write(message, in header);
        body.CopyTo(message.AsSpan(sizeof(FuseOutHeader)));
        fixed (byte* start = message) return Send(start, message.Length);
    }

    protected override bool ReleaseHandle() => Libc.Close((int)handle) == 0;
}
