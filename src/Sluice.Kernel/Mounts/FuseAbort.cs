using Sluice.Kernel.Syscalls;

namespace Sluice.Kernel.Mounts;

/// <summary>
/// The way out of a FUSE connection that nobody answers any more: aborts it, so that everything which waits for it gets
/// an error. What is mounted on its files is dead from then on.
/// </summary>
public static class FuseAbort
{
    /// <summary>Aborts connection <paramref name="number"/> (<see cref="MountEntry.Minor"/> of its mount). One that has ended already is no error.</summary>
    public static unsafe void Abort(int number)
    {
        // A detached mount of fusectl: whether the machine has it mounted, and where, does not matter.
        int context = Libc.FsOpen("fusectl");
        if (context < 0) throw KernelError.Last("fusectl", "not available");
        int mount = -1;
        int file = -1;
        try
        {
            if (Libc.FsConfig(context, Libc.FSCONFIG_CMD_CREATE, null, null) != 0 || (mount = Libc.FsMount(context, 0)) < 0)
            {
                throw KernelError.Last("fusectl", "can't be mounted", "run as root");
            }

            file = Libc.OpenAt(mount, $"{number}/abort", Libc.O_WRONLY | Libc.O_CLOEXEC, 0);
            if (file < 0) return;
            byte one = (byte)'1';
            if (Libc.Write(file, &one, 1) != 1) throw KernelError.Last($"FUSE connection {number}", "abort refused");
        }
        finally
        {
            if (file >= 0) Libc.Close(file);
            if (mount >= 0) Libc.Close(mount);
            Libc.Close(context);
        }
    }
}
