using System.Runtime.InteropServices;

namespace Sluice.Kernel.Syscalls;

/// <summary>
/// Mount calls. The new mount API goes through <c>syscall(2)</c>: glibc has wrappers since 2.36 only, while the numbers
/// are the same on every architecture.
/// </summary>
internal static unsafe partial class Libc
{
    public const int AT_FDCWD = -100;

    public const nuint MS_RDONLY = 1;
    public const nuint MS_NOSUID = 2;
    public const nuint MS_NODEV = 4;
    public const nuint MS_REMOUNT = 32;
    public const nuint MS_BIND = 4096;
    public const nuint MS_REC = 16384;

    public const int CLONE_FS = 0x200;
    public const int CLONE_NEWNS = 0x20000;

    public const int MNT_DETACH = 2;
    public const int UMOUNT_NOFOLLOW = 8;

    public const uint FSCONFIG_SET_FLAG = 0;
    public const uint FSCONFIG_SET_STRING = 1;
    public const uint FSCONFIG_CMD_CREATE = 6;
    public const uint MOUNT_ATTR_RDONLY = 1;
    public const uint MOUNT_ATTR_NOSUID = 2;
    public const uint MOUNT_ATTR_NODEV = 4;

    private const nint SYS_move_mount = 429;
    private const nint SYS_fsopen = 430;
    private const nint SYS_fsconfig = 431;
    private const nint SYS_fsmount = 432;
    private const int FSOPEN_CLOEXEC = 1;
    private const int FSMOUNT_CLOEXEC = 1;
    private const int MOVE_MOUNT_F_EMPTY_PATH = 4;

    [LibraryImport(Library, EntryPoint = "mount", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    public static partial int Mount(string source, string target, string? type, nuint flags, string? data);

    [LibraryImport(Library, EntryPoint = "umount2", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    public static partial int Unmount(string target, int flags);

    [LibraryImport(Library, EntryPoint = "unshare", SetLastError = true)]
    public static partial int Unshare(int flags);

    [LibraryImport(Library, EntryPoint = "setns", SetLastError = true)]
    public static partial int SetNamespace(int descriptor, int kind);

    [LibraryImport(Library, EntryPoint = "statfs", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    public static partial int StatFs(string path, byte* answer);

    public static int FsOpen(string type)
    {
        fixed (byte* typeText = Text(type)) return (int)Syscall(SYS_fsopen, (nint)typeText, FSOPEN_CLOEXEC, 0, 0, 0);
    }

    public static int FsConfig(int context, uint command, string? key, string? value)
    {
        fixed (byte* keyText = Text(key))
        fixed (byte* valueText = Text(value))
        {
            return (int)Syscall(SYS_fsconfig, context, (nint)command, (nint)keyText, (nint)valueText, 0);
        }
    }

    /// <summary>Makes a detached mount of a configured context; closing the descriptor before moving it destroys the mount.</summary>
    public static int FsMount(int context, uint attributes) => (int)Syscall(SYS_fsmount, context, FSMOUNT_CLOEXEC, (nint)attributes, 0, 0);

    public static int MoveMount(int mount, string target)
    {
        fixed (byte* empty = "\0"u8)
        fixed (byte* targetText = Text(target))
        {
            return (int)Syscall(SYS_move_mount, mount, (nint)empty, AT_FDCWD, (nint)targetText, MOVE_MOUNT_F_EMPTY_PATH);
        }
    }

    [LibraryImport(Library, EntryPoint = "syscall", SetLastError = true)]
    private static partial nint Syscall(nint number, nint a, nint b, nint c, nint d, nint e);

    private static byte[]? Text(string? value) => value is null ? null : [.. System.Text.Encoding.UTF8.GetBytes(value), 0];
}
