using System.Runtime.ExceptionServices;
using Microsoft.Win32.SafeHandles;
using Sluice.Kernel.Syscalls;

namespace Sluice.Kernel.Mounts;

/// <summary>
/// A mount namespace that is not this process's own, to mount in: a service that systemd protects (<c>ProtectSystem=</c>) has a copy of the node's, and sees in it what is
/// mounted and unmounted out there, but what it mounts in the copy is seen by nobody else.
/// <para>Entering takes CAP_SYS_ADMIN and CAP_SYS_CHROOT. Source: setns(2), mount_namespaces(7).</para>
/// </summary>
public sealed class MountNamespace : IDisposable
{
    private readonly SafeFileHandle _descriptor;

    private MountNamespace(SafeFileHandle descriptor) => _descriptor = descriptor;

    /// <summary>Where another process of the same rights finds it, as long as this one lives.</summary>
    public string Path => $"/proc/{Environment.ProcessId}/fd/{_descriptor.DangerousGetHandle()}";

    /// <summary>The one of a process, which must not have more rights than this one. It stays, whatever becomes of the process.</summary>
    /// <exception cref="Formats.SluiceException">Kernel: there is no such process, or it may not be looked at.</exception>
    public static MountNamespace Of(int process) => Open($"/proc/{process}/ns/mnt");

    /// <summary>The one at a path.</summary>
    /// <exception cref="Formats.SluiceException">Kernel: it can't be opened.</exception>
    public static MountNamespace Open(string path)
    {
        int descriptor = Libc.Open(path, Libc.O_RDONLY | Libc.O_CLOEXEC, 0);
        return descriptor >= 0 ? new MountNamespace(new SafeFileHandle(descriptor, ownsHandle: true)) : throw KernelError.Last(path, "the mount namespace can't be opened");
    }

    /// <summary>Takes the calling thread there for good, and to its root directory. Others stay where they are.</summary>
    /// <exception cref="Formats.SluiceException">Kernel: refused.</exception>
    public void Enter()
    {
        // A thread that shares its current directory with others may not.
        if (Libc.Unshare(Libc.CLONE_FS) != 0 || Libc.SetNamespace((int)_descriptor.DangerousGetHandle(), Libc.CLONE_NEWNS) != 0)
            throw KernelError.Last(Path, "the mount namespace can't be entered", "it takes CAP_SYS_ADMIN and CAP_SYS_CHROOT, and RestrictNamespaces=mnt");
    }

    /// <summary>Does something there, on a thread of its own; in this process's namespace if there is no other.</summary>
    public static void Run(MountNamespace? place, Action action)
    {
        if (place is null)
        {
            action();
            return;
        }

        ExceptionDispatchInfo? failure = null;
        var thread = new Thread(() =>
        {
            try
            {
                place.Enter();
                action();
            }
            catch (Exception failed)
            {
                failure = ExceptionDispatchInfo.Capture(failed);
            }
        })
        { Name = "mount" };
        thread.Start();
        thread.Join();
        failure?.Throw();
    }

    public void Dispose() => _descriptor.Dispose();
}
