using Sluice.Kernel.Syscalls;

namespace Sluice.Kernel.Mounts;

public static partial class MountCalls
{
    private static readonly Lock OneAtATime = new(); // see ReadAhead

    /// <summary>Mounts EROFS straight from files, without a loop device. Linux 6.12+. Returns a warning, or null.</summary>
    public static string? Erofs(ErofsMount mount)
    {
        lock (OneAtATime)
        {
            HashSet<string> before = ReadAhead.Names();
            using (var context = new FileSystemContext("erofs", mount.Bootstrap))
            {
                context.SetFlag("ro");
                context.SetPath("source", mount.Bootstrap);
                foreach (string device in mount.Devices) context.SetPath("device", device);
                context.Create(ErofsHint);
                context.MoveTo(mount.Target, Libc.MOUNT_ATTR_RDONLY);
            }

            return ReadAhead.SetNew(before, mount.ReadAheadKilobytes);
        }
    }

    /// <summary>Mounts EROFS from a flat disk over a loop device, which goes away with the mount. Returns a warning, or null.</summary>
    public static string? ErofsOnLoop(ErofsLoopMount mount)
    {
        using LoopDevice loop = LoopDevice.Attach(mount.Disk, mount.BlockSize);
        using var context = new FileSystemContext("erofs", mount.Disk);
        context.SetFlag("ro");
        context.Set("source", loop.Path);
        context.Create(errno => errno == Errno.EINVAL ? "is the disk an EROFS image with this block size?" : null);
        context.MoveTo(mount.Target, Libc.MOUNT_ATTR_RDONLY);
        string? warning = ReadAhead.Set(loop.Bdi, mount.ReadAheadKilobytes);
        return loop.IsDirect ? warning : $"{loop.Path}: the kernel refused direct I/O, pages are cached twice";
    }

    private static string? ErofsHint(int errno) => errno switch
    {
        Errno.ENOTBLK => "this kernel mounts EROFS from block devices only (files: Linux 6.12, CONFIG_EROFS_FS_BACKED_BY_FILE; not from overlayfs): set mount.mode: loop",
        Errno.ENOENT => "does every device file exist?",
        Errno.ENOTCONN or Errno.ECONNABORTED => "the disk server of its devices has died: restart it",
        Errno.EINVAL => "is it an EROFS image, and are there as many devices as its table has?",
        _ => null,
    };
}
