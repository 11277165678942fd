using System.Runtime.InteropServices;

namespace Sluice.Build.Unpack;

/// <summary>
/// The calls that unpacking needs and that .NET's file API lacks: names that are not UTF-8, owners, devices, extended attributes,
/// times of links, and everything relative to an open directory, so that no link can lead a write astray. They are here and not with
/// the other system calls because unpacking mounts nothing and must work where the kernel side does not.
/// Failures are -1 with <see cref="Marshal.GetLastPInvokeError"/>; constants are those of Linux on 64-bit machines.
/// </summary>
internal static unsafe partial class Posix
{
    public const int CurrentDirectory = -100;      // AT_FDCWD
    public const int LinkNoFollow = 0x100;         // AT_SYMLINK_NOFOLLOW
    public const int ReadOnly = 0;                 // O_RDONLY
    public const int WriteNew = 0x1 | 0x40 | 0x80; // O_WRONLY | O_CREAT | O_EXCL
    public const int CloseOnExec = 0x80000;        // O_CLOEXEC

    public const int NotPermitted = 1;  // EPERM
    public const int Access = 13;       // EACCES
    public const int Invalid = 22;      // EINVAL
    public const int NotSupported = 95; // EOPNOTSUPP

    /// <summary>O_NOFOLLOW and O_DIRECTORY differ on Arm.</summary>
    public static readonly int NoFollow = RuntimeInformation.ProcessArchitecture == Architecture.Arm64 ? 0x8000 : 0x20000;

    public static readonly int DirectoryOnly = RuntimeInformation.ProcessArchitecture == Architecture.Arm64 ? 0x4000 : 0x10000;

    [LibraryImport("libc", EntryPoint = "openat", SetLastError = true)]
    public static partial int OpenAt(int directory, byte* path, int flags, uint mode);

    [LibraryImport("libc", EntryPoint = "close", SetLastError = true)]
    public static partial int Close(int descriptor);

    [LibraryImport("libc", EntryPoint = "mkdirat", SetLastError = true)]
    public static partial int MakeDirectoryAt(int directory, byte* path, uint mode);

    [LibraryImport("libc", EntryPoint = "mknodat", SetLastError = true)]
    public static partial int MakeNodeAt(int directory, byte* path, uint mode, ulong device);

    [LibraryImport("libc", EntryPoint = "symlinkat", SetLastError = true)]
    public static partial int SymbolicLinkAt(byte* target, int directory, byte* path);

    [LibraryImport("libc", EntryPoint = "linkat", SetLastError = true)]
    public static partial int LinkAt(int oldDirectory, byte* oldPath, int newDirectory, byte* newPath, int flags);

    [LibraryImport("libc", EntryPoint = "renameat", SetLastError = true)]
    public static partial int RenameAt(int oldDirectory, byte* oldPath, int newDirectory, byte* newPath);

    [LibraryImport("libc", EntryPoint = "pwrite64", SetLastError = true)]
    public static partial nint WriteAt(int file, byte* buffer, nuint length, long offset);

    [LibraryImport("libc", EntryPoint = "ftruncate64", SetLastError = true)]
    public static partial int SetLength(int file, long length);

    [LibraryImport("libc", EntryPoint = "fchownat", SetLastError = true)]
    public static partial int ChangeOwnerAt(int directory, byte* path, uint user, uint group, int flags);

    [LibraryImport("libc", EntryPoint = "fchmodat", SetLastError = true)]
    public static partial int ChangeModeAt(int directory, byte* path, uint mode, int flags);

    [LibraryImport("libc", EntryPoint = "utimensat", SetLastError = true)]
    public static partial int SetTimesAt(int directory, byte* path, TimeSpec* accessAndModification, int flags);

    [LibraryImport("libc", EntryPoint = "lsetxattr", SetLastError = true)]
    public static partial int SetAttribute(byte* path, byte* name, byte* value, nuint length, int flags);

    /// <summary>The number that Linux and glibc make of a device's parts.</summary>
    public static ulong Device(uint major, uint minor) =>
        ((ulong)(major & 0xFFFFF000) << 32) | ((major & 0xFFFUL) << 8) | ((ulong)(minor & 0xFFFFFF00) << 12) | (minor & 0xFFUL);

    /// <summary><c>struct timespec</c>.</summary>
    [StructLayout(LayoutKind.Sequential)]
    public struct TimeSpec
    {
        public long Seconds;
        public long Nanoseconds;
    }
}
