using System.Runtime.InteropServices;

namespace Sluice.Containerd.Files;

/// <summary>
/// The calls that .NET's file API can't make: snapshot trees hold names that are not UTF-8, and usage needs blocks and
/// inode numbers. Constants are those of Linux on every 64-bit architecture (asm-generic).
/// </summary>
internal static partial class Libc
{
    public const int AtCurrentDirectory = -100;
    public const int AtSymlinkNoFollow = 0x100;
    public const int AtRemoveDirectory = 0x200;
    public const int AtEmptyPath = 0x1000;

    public const int OpenCloseOnExec = 0x80000;

    public const int NoEntry = 2;
    public const int IsDirectory = 21;
    public const int NotDirectory = 20;
    public const int TooManyLinks = 40;

    /// <summary>O_DIRECTORY and O_NOFOLLOW differ on Arm.</summary>
    public static readonly int OpenDirectoryNoFollow = OpenCloseOnExec | (RuntimeInformation.ProcessArchitecture == Architecture.Arm64
        ? 0x4000 | 0x8000
        : 0x10000 | 0x20000);

    [LibraryImport("libc", EntryPoint = "openat", SetLastError = true)]
    public static unsafe partial int OpenAt(int directory, byte* path, int flags, int mode);

    [LibraryImport("libc", EntryPoint = "close", SetLastError = true)]
    public static partial int Close(int descriptor);

    [LibraryImport("libc", EntryPoint = "getdents64", SetLastError = true)]
    public static unsafe partial nint GetDirectoryEntries(int directory, byte* buffer, nuint length);

    [LibraryImport("libc", EntryPoint = "statx", SetLastError = true)]
    public static unsafe partial int StatX(int directory, byte* path, int flags, uint mask, byte* result);

    [LibraryImport("libc", EntryPoint = "unlinkat", SetLastError = true)]
    public static unsafe partial int UnlinkAt(int directory, byte* path, int flags);

    [LibraryImport("libc", EntryPoint = "renameat", SetLastError = true)]
    public static unsafe partial int RenameAt(int oldDirectory, byte* oldPath, int newDirectory, byte* newPath);

    [LibraryImport("libc", EntryPoint = "fchown", SetLastError = true)]
    public static partial int ChangeOwner(int descriptor, uint user, uint group);

    [LibraryImport("libc", EntryPoint = "fchmod", SetLastError = true)]
    public static partial int ChangeMode(int descriptor, uint mode);

    [LibraryImport("libc", EntryPoint = "statfs", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    public static unsafe partial int StatFileSystem(string path, byte* result);

    public static IOException Error(string what, int error) => new($"{what}: {Marshal.GetPInvokeErrorMessage(error)}", error);
}
