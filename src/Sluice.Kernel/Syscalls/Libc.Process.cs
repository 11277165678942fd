using System.Runtime.InteropServices;

namespace Sluice.Kernel.Syscalls;

/// <summary>Calls on processes, and on descriptors as such.</summary>
internal static unsafe partial class Libc
{
    public const int LOCK_SH = 1;
    public const int LOCK_EX = 2;
    public const int LOCK_NB = 4;
    public const uint CLOSE_RANGE_CLOEXEC = 4;
    public const int AT_EMPTY_PATH = 0x1000;
    public const uint STATX_TYPE = 1;

    [LibraryImport(Library, EntryPoint = "setsid", SetLastError = true)]
    public static partial int SetSession();

    [LibraryImport(Library, EntryPoint = "malloc_trim")]
    public static partial int TrimHeap(nuint keep);

    /// <returns>1, or 0 where the option is unknown.</returns>
    [LibraryImport(Library, EntryPoint = "mallopt")]
    public static partial int SetHeapOption(int option, int value);

    [LibraryImport(Library, EntryPoint = "geteuid")]
    public static partial uint EffectiveUser();

    [LibraryImport(Library, EntryPoint = "dup2", SetLastError = true)]
    public static partial int Dup2(int fd, int target);

    [LibraryImport(Library, EntryPoint = "flock", SetLastError = true)]
    public static partial int Flock(int fd, int operation);

    [LibraryImport(Library, EntryPoint = "pipe2", SetLastError = true)]
    public static partial int Pipe(int* ends, int flags);

    [LibraryImport(Library, EntryPoint = "poll", SetLastError = true)]
    public static partial int Poll(PollDescriptor* descriptors, nuint count, int milliseconds);

    [LibraryImport(Library, EntryPoint = "chmod", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    public static partial int ChangeMode(string path, uint mode);

    [LibraryImport(Library, EntryPoint = "unlink", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    public static partial int Unlink(string path);

    /// <summary>struct statx has 256 bytes, on every architecture the same.</summary>
    [LibraryImport(Library, EntryPoint = "statx", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    public static partial int StatX(int directory, string path, int flags, uint mask, byte* answer);

    /// <summary>Returns only when it failed.</summary>
    [LibraryImport(Library, EntryPoint = "execve", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    public static partial int Execute(string path, byte** arguments, byte** environment);

    /// <summary><c>close_range(2)</c>, Linux 5.9; glibc has a wrapper since 2.34 only.</summary>
    public static int CloseRange(uint first, uint last, uint flags) => (int)Syscall(436, (nint)first, (nint)last, (nint)flags, 0, 0);
}

/// <summary>struct pollfd.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct PollDescriptor
{
    public const short In = 1;
    public const short Error = 8;
    public const short HangUp = 16;

    /// <summary>Negative ones are left out.</summary>
    public int Descriptor;
    public short Events;
    public short Happened;
}
