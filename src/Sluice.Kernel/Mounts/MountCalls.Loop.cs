using Sluice.Formats;
using Sluice.Kernel.Syscalls;

namespace Sluice.Kernel.Mounts;

public static partial class MountCalls
{
    /// <summary>What every block size of a file system can be read with.</summary>
    private const int SectorSize = 512;

    /// <summary>
    /// Mounts the file system of a block image over a loop device, which goes away with the mount. Returns a warning, or null. Journals are
    /// not replayed: the device can't be written, and the image is what it was when it was made.
    /// </summary>
    public static string? BlocksOnLoop(BlockMount mount)
    {
        Action<FileSystemContext> configure = mount.FileSystem switch
        {
            "ext4" => ConfigureExt4,
            "xfs" => ConfigureXfs,
            "erofs" => ConfigureNothing,
            _ => throw new SluiceException(SluiceError.Usage, mount.Target, $"block images with {mount.FileSystem} are not mounted"),
        };
        return OnLoop(mount.FileSystem, mount.Disk, SectorSize, mount.Target, mount.ReadAheadKilobytes, configure, errno => BlockHint(errno, mount.FileSystem));
    }

    private static string? OnLoop(
        string type, string disk, int blockSize, string target, int readAheadKilobytes, Action<FileSystemContext> configure, Func<int, string?> hint)
    {
        using LoopDevice loop = LoopDevice.Attach(disk, blockSize);
        using var context = new FileSystemContext(type, disk);
        context.SetFlag("ro");
        configure(context);
        context.Set("source", loop.Path);
        context.Create(hint);
        context.MoveTo(target, Libc.MOUNT_ATTR_RDONLY);
        string? warning = ReadAhead.Set(loop.Bdi, readAheadKilobytes);
        return loop.IsDirect ? warning : $"{loop.Path}: the kernel refused direct I/O, pages are cached twice";
    }

    private static void ConfigureExt4(FileSystemContext context)
    {
        context.SetFlag("noload");
        context.Set("errors", "continue"); // the image may ask for a kernel panic
    }

    private static void ConfigureXfs(FileSystemContext context)
    {
        context.SetFlag("norecovery");
        context.SetFlag("nouuid"); // images of one base have one UUID
    }

    private static void ConfigureNothing(FileSystemContext context)
    {
    }

    private static string? BlockHint(int errno, string type) => errno switch
    {
        Errno.EINVAL => $"is the {type} of this image damaged, or too new for this kernel? dmesg says more",
        Errno.EIO => "could its first blocks be read? the lines above say more",
        _ => null,
    };
}
