using Sluice.Kernel.Syscalls;

namespace Sluice.Kernel.Mounts;

/// <summary>
/// A lock that every mount process holds together with the others. Who gets it alone knows that none is left: a child of a killed
/// daemon may still be inside a mount(2).
/// </summary>
internal sealed class MountGuard : IDisposable
{
    private readonly int _file;

    private MountGuard(int file) => _file = file;

    /// <summary>Null where the file can't be had: the mounts work without.</summary>
    public static MountGuard? Share(string path) => Take(path, Libc.LOCK_SH);

    /// <summary>True when no mount process holds it at this moment.</summary>
    public static bool IsFree(string path)
    {
        using MountGuard? alone = Take(path, Libc.LOCK_EX | Libc.LOCK_NB);
        return alone is not null;
    }

    public void Dispose() => Libc.Close(_file);

    private static MountGuard? Take(string path, int operation)
    {
        int file = Libc.Open(path, Libc.O_RDWR | Libc.O_CREAT | Libc.O_CLOEXEC, 0x180 /* 0600 */);
        if (file < 0) return null;
        if (Libc.Flock(file, operation) == 0) return new MountGuard(file);
        Libc.Close(file);
        return null;
    }
}
