using System.Runtime.InteropServices;

namespace Sluice.Build.Commit;

/// <summary>
/// The calls that reading a container's directory needs and that .NET's file API lacks: names that are not UTF-8, inode numbers, devices, extended
/// attributes, holes. Failures are -1 with <see cref="Marshal.GetLastPInvokeError"/>; constants are those of Linux on 64-bit machines.
/// </summary>
internal static unsafe partial class Calls
{
    public const int NoData = 61;       // ENODATA
    public const int NotSupported = 95; // EOPNOTSUPP
    public const int NoDevice = 6;      // ENXIO: lseek found no data
    public const int SeekData = 3, SeekHole = 4;
    public const int NonBlocking = 0x800;     // O_NONBLOCK
    public const int OfDescriptor = 0x1000;   // AT_EMPTY_PATH
    public const uint BasicStatistics = 0x7FF; // STATX_BASIC_STATS

    [LibraryImport("libc", EntryPoint = "getdents64", SetLastError = true)]
    public static partial nint ReadDirectory(int directory, byte* buffer, nuint length);

    [LibraryImport("libc", EntryPoint = "statx", SetLastError = true)]
    public static partial int StatX(int directory, byte* path, int flags, uint mask, byte* result);

    [LibraryImport("libc", EntryPoint = "readlinkat", SetLastError = true)]
    public static partial nint ReadLink(int directory, byte* path, byte* buffer, nuint length);

    [LibraryImport("libc", EntryPoint = "llistxattr", SetLastError = true)]
    public static partial nint ListAttributes(byte* path, byte* names, nuint length);

    [LibraryImport("libc", EntryPoint = "lgetxattr", SetLastError = true)]
    public static partial nint GetAttribute(byte* path, byte* name, byte* value, nuint length);

    [LibraryImport("libc", EntryPoint = "pread64", SetLastError = true)]
    public static partial nint Read(int file, byte* buffer, nuint length, long offset);

    [LibraryImport("libc", EntryPoint = "lseek64", SetLastError = true)]
    public static partial long Seek(int file, long offset, int whence);
}
