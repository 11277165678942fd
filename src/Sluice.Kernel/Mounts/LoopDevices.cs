using System.Runtime.InteropServices;
using Sluice.Kernel.Syscalls;

namespace Sluice.Kernel.Mounts;

/// <summary>Loop devices that stay without a mount, by what they stand on.</summary>
public static class LoopDevices
{
    private const nuint Clear = 0x4C01;

    /// <summary>The device that stands on a file; null if there is none.</summary>
    public static string? Find(string backingFile) => All().FirstOrDefault(device => ImageMounts.BackingFileOf(device) == backingFile);

    /// <summary>How many devices stand on a file.</summary>
    public static int CountOn(string backingFile) => All().Count(device => ImageMounts.BackingFileOf(device) == backingFile);

    /// <summary>Devices on files below a directory.</summary>
    public static IReadOnlyList<string> Below(string directory)
    {
        string prefix = Path.TrimEndingDirectorySeparator(directory) + "/";
        return [.. All().Where(device => ImageMounts.BackingFileOf(device).StartsWith(prefix, StringComparison.Ordinal))];
    }

    /// <summary>True while a file system on it is mounted, in whatever mount namespace.</summary>
    public static bool IsMounted(string device)
    {
        int file = Libc.Open(device, Libc.O_RDONLY | Libc.O_EXCL | Libc.O_CLOEXEC, 0); // mounts claim their device
        if (file < 0) return Marshal.GetLastPInvokeError() == Errno.EBUSY;
        Libc.Close(file);
        return false;
    }

    /// <summary>Gives a device back: at once, or in use when its last user has gone. False if it stands on nothing.</summary>
    public static bool Detach(string device)
    {
        int file = Libc.Open(device, Libc.O_RDONLY | Libc.O_CLOEXEC, 0);
        if (file < 0) return false;
        try
        {
            return Libc.Ioctl(file, Clear, 0) == 0;
        }
        finally
        {
            Libc.Close(file);
        }
    }

    private static IEnumerable<string> All() => Directory.EnumerateDirectories("/sys/block", "loop*").Select(path => "/dev/" + Path.GetFileName(path));
}
