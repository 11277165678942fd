using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Sluice.Storage.Cache;

/// <summary>What .NET has no call for: holes, shared blocks, and how much of a file there is.</summary>
internal static unsafe partial class SparseFile
{
    /// <summary>Blocks are counted, punched and shared in these units; smaller blocks of a file system fit into them.</summary>
    public const int BlockSize = 4096;

    private const int KeepSizePunchHole = 1 | 2;
    private const int Interrupted = 4;
    private const uint CloneRange = 0x4020940D; // FICLONERANGE of linux/fs.h

    /// <summary>Gives the blocks of a range back; what is read there are zeros from now on.</summary>
    /// <exception cref="IOException">The file system can't, or failed.</exception>
    public static void Punch(SafeFileHandle file, long offset, long length)
    {
        while (Fallocate(file, KeepSizePunchHole, offset, length) < 0)
            if (Marshal.GetLastPInvokeError() != Interrupted) throw new IOException(Marshal.GetLastPInvokeErrorMessage(), Marshal.GetLastPInvokeError());
    }

    /// <summary>Makes a range of one file share the blocks of a range of another. All in whole blocks.</summary>
    /// <param name="supported">False: the file system can't do that at all.</param>
    public static bool TryClone(SafeFileHandle source, long sourceOffset, SafeFileHandle target, long targetOffset, long length, out bool supported)
    {
        const int crossDevice = 18, invalid = 22, noSuchCall = 25, notSupported = 95;
        supported = true;
        bool held = false;
        try
        {
            source.DangerousAddRef(ref held);
            long* range = stackalloc long[] { source.DangerousGetHandle(), sourceOffset, length, targetOffset };
            if (Ioctl(target, CloneRange, range) == 0) return true;
            supported = Marshal.GetLastPInvokeError() is not (crossDevice or invalid or noSuchCall or notSupported);
            return false;
        }
        finally
        {
            if (held) source.DangerousRelease();
        }
    }

    /// <summary>
    /// Makes content durable. .NET's own call reports nothing for a descriptor whose earlier data was lost (seen with a full disk below a loop device: ENOSPC from
    /// fsync, no exception), and that is what is asked for here.
    /// </summary>
    /// <exception cref="IOException">Something that was written is lost.</exception>
    public static void Sync(SafeFileHandle file)
    {
        while (Fdatasync(file) < 0)
            if (Marshal.GetLastPInvokeError() != Interrupted) throw new IOException(Marshal.GetLastPInvokeErrorMessage(), Marshal.GetLastPInvokeError());
    }

    /// <summary>Forgets the pages of a file that are in memory and on the disk, so that the disk itself is read next.</summary>
    public static void DropPages(SafeFileHandle file)
    {
        const int dontNeed = 4;
        _ = Advise(file, 0, 0, dontNeed);
    }

    /// <summary>True if writing the file back to the disk has failed since this was asked last, with this descriptor. Does not wait.</summary>
    /// <param name="length">Bytes of the file: a range behind its end has no pages to wait for, and the answer is that of the whole file all the same.</param>
    public static bool HasWriteBackFailed(SafeFileHandle file, long length)
    {
        const uint waitBefore = 1;
        return SyncFileRange(file, length, 0, waitBefore) < 0;
    }

    /// <summary>Bytes of blocks that a file has; 0 if it can't be told.</summary>
    public static long AllocatedBytes(string path)
    {
        const int currentDirectory = -100, dontFollow = 0x100, blocksOffset = 48 / 8;
        const uint blocks = 0x400;
        ulong* status = stackalloc ulong[32];
        return Statx(currentDirectory, path, dontFollow, blocks, status) == 0 ? (long)status[blocksOffset] * 512 : 0;
    }

    [LibraryImport("libc", EntryPoint = "fallocate64", SetLastError = true)]
    private static partial int Fallocate(SafeFileHandle file, int mode, long offset, long length);

    [LibraryImport("libc", EntryPoint = "ioctl", SetLastError = true)]
    private static partial int Ioctl(SafeFileHandle file, nuint request, void* argument);

    [LibraryImport("libc", EntryPoint = "sync_file_range")]
    private static partial int SyncFileRange(SafeFileHandle file, long offset, long count, uint flags);

    [LibraryImport("libc", EntryPoint = "fdatasync", SetLastError = true)]
    private static partial int Fdatasync(SafeFileHandle file);

    [LibraryImport("libc", EntryPoint = "posix_fadvise64")]
    private static partial int Advise(SafeFileHandle file, long offset, long length, int advice);

    [LibraryImport("libc", EntryPoint = "statx", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Statx(int directory, string path, int flags, uint mask, void* status);
}
