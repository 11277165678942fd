using System.Runtime.InteropServices;
using Sluice.Kernel.Syscalls;

namespace Sluice.Kernel.Mounts;

/// <summary>The processes behind FUSE mounts.</summary>
public static class FuseServers
{
    /// <summary>Asks the server of a FUSE mount for a sign of life.</summary>
    /// <param name="limit">A server that takes longer counts as <see cref="ServerHealth.Silent"/>; the thread that asked goes on waiting.</param>
    public static ServerHealth Ask(string mountPoint, TimeSpan limit)
    {
        int errno = 0;
        var asking = new Thread(() => errno = StatFs(mountPoint)) { IsBackground = true, Name = "mount probe" };
        asking.Start();
        if (!asking.Join(limit)) return ServerHealth.Silent;
        return errno is Errno.ENOTCONN or Errno.ECONNABORTED ? ServerHealth.Dead : ServerHealth.Alive;
    }

    private static unsafe int StatFs(string mountPoint)
    {
        long* answer = stackalloc long[32];
        return Libc.StatFs(mountPoint, (byte*)answer) == 0 ? 0 : Marshal.GetLastPInvokeError();
    }
}

