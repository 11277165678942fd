using System.Runtime.InteropServices;
using Sluice.Formats;
using Sluice.Kernel.Syscalls;

namespace Sluice.Kernel.Mounts;

/// <summary>Makes a mounted file system stand still with everything on its device: ioctl_fs(2), FIFREEZE. Whoever writes waits meanwhile.</summary>
public static class FrozenFileSystem
{
    private const nuint Freeze = 0xC0045877;
    private const nuint Thaw = 0xC0045878;

    /// <summary>Runs something while a file system is frozen.</summary>
    /// <remarks>
    /// The calling thread waits for the file system, which may need the disk server of this process: no thread of that, nor of the pool.
    /// One thread does it all, so that a freeze that comes late is undone, too. The file system goes on in any case: when the limit passes, before
    /// <paramref name="action"/> has ended, which then counts as failed.
    /// </remarks>
    /// <param name="directory">In the file system.</param>
    /// <exception cref="SluiceException">The kernel refused, the file system is frozen by somebody else, or the limit passed.</exception>
    public static void Run(string directory, TimeSpan limit, Action action)
    {
        int file = Libc.Open(directory, Libc.O_RDONLY | Libc.O_CLOEXEC, 0);
        if (file < 0) throw KernelError.Last(directory, "can't be opened");
        try
        {
            // Most of what is to be written is written while the others may still write.
            Libc.SyncFs(file);
            if (Libc.Ioctl(file, Freeze, 0) != 0)
                throw KernelError.Last(directory, "can't be frozen", Marshal.GetLastPInvokeError() == Errno.EBUSY ? "somebody else has frozen it: fsfreeze --unfreeze" : "run as root");
            RunFrozen(directory, file, limit, action);
        }
        finally
        {
            Libc.Close(file);
        }
    }

    /// <summary>Undoes what a killed process has left; does nothing for a file system that isn't frozen.</summary>
    public static void ThawLeftOver(string directory)
    {
        int file = Libc.Open(directory, Libc.O_RDONLY | Libc.O_CLOEXEC, 0);
        if (file < 0) return;
        Libc.Ioctl(file, Thaw, 0);
        Libc.Close(file);
    }

    /// <summary>Brings everything that was written to a file system to its device; the calling thread waits as in <see cref="Run"/>.</summary>
    public static void Sync(string directory)
    {
        int file = Libc.Open(directory, Libc.O_RDONLY | Libc.O_CLOEXEC, 0);
        if (file < 0) return;
        Libc.SyncFs(file);
        Libc.Close(file);
    }

    private static void RunFrozen(string directory, int file, TimeSpan limit, Action action)
    {
        var gate = new Lock();
        bool frozen = true, late = false;
        void GoOn(bool isLate)
        {
            lock (gate)
            {
                if (!frozen) return;
                frozen = false;
                late = isLate;
                Libc.Ioctl(file, Thaw, 0);
            }
        }

        using (new Timer(_ => GoOn(isLate: true), null, limit, Timeout.InfiniteTimeSpan))
        {
            try
            {
                action();
            }
            finally
            {
                GoOn(isLate: false);
            }
        }

        if (late) throw new SluiceException(SluiceError.Timeout, directory, $"was frozen and not done with in {limit.TotalSeconds:0} s", "is the local disk overloaded? try again");
    }
}
