using System.Runtime.InteropServices;
using Sluice.Kernel.Syscalls;

namespace Sluice.Kernel.Fuse;

/// <summary>
/// Marks threads that other memory depends on: what they allocate must not wait for dirty pages to be written, as those may be pages of a
/// file system on the very disk that the thread serves (prctl(2), PR_SET_IO_FLUSHER; Linux 5.6, CAP_SYS_RESOURCE).
/// </summary>
internal static class IoFlusher
{
    private static int _told;

    /// <summary>Marks the calling thread. Where the kernel refuses, says so once in the life of the process and goes on.</summary>
    public static void Enter(Action<string> log)
    {
        const int setIoFlusher = 57;
        if (Libc.Prctl(setIoFlusher, 1, 0, 0, 0) == 0) return;
        int errno = Marshal.GetLastPInvokeError();
        if (Interlocked.Exchange(ref _told, 1) == 0)
            log($"PR_SET_IO_FLUSHER refused ({Libc.Message(errno)}): writable disks may stall when memory is short; CAP_SYS_RESOURCE and Linux 5.6 are needed");
    }
}
