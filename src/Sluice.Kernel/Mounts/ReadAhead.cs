using System.Globalization;
using System.Runtime.InteropServices;
using Sluice.Kernel.Syscalls;

namespace Sluice.Kernel.Mounts;

/// <summary>
/// Raises read-ahead after a mount. A file-backed EROFS names its bdi <c>erofs-N</c> after a counter that is shown
/// nowhere else, so the new one is found by comparing the directory before and after; one process mounts at a time.
/// </summary>
internal static class ReadAhead
{
    private const string BdiDirectory = "/sys/class/bdi";

    /// <summary>The bdis that exist now; to be taken before the mount.</summary>
    public static HashSet<string> Names() =>
        Directory.Exists(BdiDirectory)
            ? [.. Directory.EnumerateFileSystemEntries(BdiDirectory, "erofs-*").Select(path => Path.GetFileName(path))]
            : [];

    /// <summary>Sets the read-ahead of every EROFS that has come up since; returns a warning, or null.</summary>
    public static string? SetNew(HashSet<string> before, int kilobytes)
    {
        string[] added = [.. Names().Except(before, StringComparer.Ordinal)];
        return added.Length == 0
            ? $"no new erofs-* in {BdiDirectory}: read-ahead stays at the kernel's default"
            : added.Select(name => Set(Path.Combine(BdiDirectory, name), kilobytes)).FirstOrDefault(warning => warning is not null);
    }

    /// <summary>Sets the read-ahead of one bdi; returns a warning, or null.</summary>
    public static unsafe string? Set(string bdi, int kilobytes)
    {
        int file = Libc.Open(Path.Combine(bdi, "read_ahead_kb"), Libc.O_WRONLY | Libc.O_CLOEXEC, 0);
        if (file < 0) return $"read-ahead not set: {Libc.Message(Marshal.GetLastPInvokeError())}";
        Span<byte> text = stackalloc byte[16];
        kilobytes.TryFormat(text, out int length, provider: CultureInfo.InvariantCulture);
        nint written;
        fixed (byte* start = text) written = Libc.Write(file, start, (nuint)length);
        string? warning = written == length ? null : $"read-ahead not set: {Libc.Message(Marshal.GetLastPInvokeError())}";
        Libc.Close(file);
        return warning;
    }
}
