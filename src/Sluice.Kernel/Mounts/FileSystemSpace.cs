using Sluice.Kernel.Syscalls;

namespace Sluice.Kernel.Mounts;

/// <summary>Room on the file system that holds a path.</summary>
/// <param name="Bytes">Size.</param>
/// <param name="FreeBytes">What this user may still write.</param>
/// <param name="Inodes">0: the file system makes them as they are needed.</param>
public sealed record FileSystemSpace(long Bytes, long FreeBytes, long Inodes, long FreeInodes)
{
    /// <summary>Null: the path does not exist, or can't be asked.</summary>
    public static unsafe FileSystemSpace? Of(string path)
    {
        // struct statfs of 64-bit machines: type, bsize, blocks, bfree, bavail, files, ffree; 120 bytes in all
        long* answer = stackalloc long[32];
        if (Libc.StatFs(path, (byte*)answer) != 0) return null;
        return new FileSystemSpace(answer[2] * answer[1], answer[4] * answer[1], answer[5], answer[6]);
    }
}
