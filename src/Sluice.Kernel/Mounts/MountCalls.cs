using System.Runtime.InteropServices;
using Sluice.Kernel.Syscalls;

namespace Sluice.Kernel.Mounts;

/// <summary>
/// Mounts made by the calling process. What stands on the files of a disk server must be mounted and unmounted by
/// another process than the one that serves them: use <see cref="MountProcess"/> there.
/// </summary>
public static partial class MountCalls
{
    /// <summary>
    /// Takes the topmost mount off a path at once, in use or not; false if nothing is mounted there. Does not follow a
    /// symbolic link at the path's end.
    /// </summary>
    public static bool Detach(string path)
    {
        if (Libc.Unmount(path, Libc.MNT_DETACH | Libc.UMOUNT_NOFOLLOW) == 0) return true;
        int errno = Marshal.GetLastPInvokeError();
        if (errno is Errno.EINVAL or Errno.ENOENT) return false;
        throw KernelError.Of(errno, path, "unmount refused", "run as root");
    }
}
