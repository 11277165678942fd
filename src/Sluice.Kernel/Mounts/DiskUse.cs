using System.Runtime.InteropServices;
using Sluice.Kernel.Syscalls;

namespace Sluice.Kernel.Mounts;

/// <summary>What files take on a disk: of a sparse file, not its length.</summary>
public static class DiskUse
{
    private const int CurrentDirectory = -100; // AT_FDCWD
    private const int NoFollow = 0x100; // AT_SYMLINK_NOFOLLOW
    private const uint BlocksMask = 0x400; // STATX_BLOCKS

    /// <summary>Bytes of all files below a directory. Files that vanish meanwhile count as nothing.</summary>
    public static long Below(string directory)
    {
        long blocks = 0;
        var options = new EnumerationOptions { RecurseSubdirectories = true, AttributesToSkip = 0, IgnoreInaccessible = true };
        try
        {
            foreach (string path in Directory.EnumerateFiles(directory, "*", options)) blocks += Blocks(path);
        }
        catch (DirectoryNotFoundException)
        {
            // It is made when there is something to store, or has just been removed.
        }

        return blocks * 512; // st_blocks counts these, whatever the file system does
    }

    private static unsafe long Blocks(string path)
    {
        StatX answer = default;
        return Libc.StatX(CurrentDirectory, path, NoFollow, BlocksMask, &answer) == 0 ? (long)answer.Blocks : 0;
    }

    /// <summary>The part of <c>struct statx</c> (256 bytes) that is needed.</summary>
    [StructLayout(LayoutKind.Explicit, Size = 256)]
    private struct StatX
    {
        [FieldOffset(48)]
        public ulong Blocks;
    }
}
