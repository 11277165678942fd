using System.Runtime.InteropServices;
using Sluice.Kernel.Syscalls;

namespace Sluice.Kernel.Fuse;

/// <summary>
/// Keeps the memory of a process that serves writable disks in memory: to write back dirty pages the kernel needs this process, which then
/// must not wait for its own pages to come back.
/// </summary>
internal static class MemoryLock
{
    private static int _taken;

    /// <summary>
    /// mlockall(2) of what is touched, now and later: code as well as data, the buffers and indexes of the disks among them. Once in the life
    /// of the process; where the kernel refuses (CAP_IPC_LOCK), says so and goes on.
    /// </summary>
    /// <remarks>
    /// On fault only: locking everything that is mapped would make the runtime's reservations real.
    /// </remarks>
    public static void Take(Action<string> log)
    {
        const int current = 1, future = 2, onFault = 4;
        if (Interlocked.Exchange(ref _taken, 1) != 0 || Libc.LockMemory(current | future | onFault) == 0) return;
        log($"mlockall refused ({Libc.Message(Marshal.GetLastPInvokeError())}): writable disks may stall when memory is short; CAP_IPC_LOCK is needed");
    }
}
