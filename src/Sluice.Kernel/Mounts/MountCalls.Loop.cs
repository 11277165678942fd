using Sluice.Formats;
using Sluice.Kernel.Syscalls;

namespace Sluice.Kernel.Mounts;

public static partial class MountCalls
{
    /// <summary>
    /// Mounts the file system of a block image over a loop device, which goes away with the mount. Returns a warning, or null. Read-only,
    /// journals are not replayed: the device can't be written, and the image is what it was when it was made.
    /// </summary>
    public static string? BlocksOnLoop(BlockMount mount)
    {
        Action<FileSystemContext> configure = mount.FileSystem switch
        {
            "ext4" => context => ConfigureExt4(context, mount),
            "xfs" => context => ConfigureXfs(context, mount),
            "erofs" when !mount.Writable => ConfigureNothing,
            "erofs" => throw new SluiceException(SluiceError.Usage, mount.Target, "EROFS can't be mounted for writing", "use an image with ext4 or xfs"),
            _ => throw new SluiceException(SluiceError.Usage, mount.Target, $"block images with {mount.FileSystem} are not mounted"),
        };
        return OnLoop(mount.FileSystem, mount.Disk, mount.SectorSize, mount.Target, mount.ReadAheadKilobytes, configure, errno => BlockHint(errno, mount.FileSystem), mount.Writable);
    }

    /// <summary>Puts a loop device on a writable disk that stays, mounted or not, until <see cref="LoopDevices.Detach"/>. Returns a warning, or null.</summary>
    public static string? AttachLoop(string disk, int sectorSize, int readAheadKilobytes)
    {
        using LoopDevice loop = LoopDevice.Attach(disk, sectorSize, writable: true, stays: true);
        return ReadAhead.Set(loop.Bdi, readAheadKilobytes);
    }

    private static string? OnLoop(
        string type, string disk, int blockSize, string target, int readAheadKilobytes, Action<FileSystemContext> configure, Func<int, string?> hint, bool writable = false)
    {
        using LoopDevice loop = LoopDevice.Attach(disk, blockSize, writable);
        using var context = new FileSystemContext(type, disk);
        context.SetFlag(writable ? "rw" : "ro");
        configure(context);
        context.Set("source", loop.Path);
        context.Create(hint);
        context.MoveTo(target, writable ? 0 : Libc.MOUNT_ATTR_RDONLY);
        string? warning = ReadAhead.Set(loop.Bdi, readAheadKilobytes);
        return loop.IsDirect ? warning : $"{loop.Path}: the kernel refused direct I/O, pages are cached twice";
    }

    private static void ConfigureExt4(FileSystemContext context, BlockMount mount)
    {
        if (!mount.Writable) context.SetFlag("noload");
        else context.SetFlag(mount.Discard ? "discard" : "nodiscard");
        context.Set("errors", mount.Writable ? "remount-ro" : "continue"); // the image may ask for a kernel panic
    }

    private static void ConfigureXfs(FileSystemContext context, BlockMount mount)
    {
        if (!mount.Writable) context.SetFlag("norecovery");
        else if (mount.Discard) context.SetFlag("discard");
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
