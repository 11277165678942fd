using Sluice.Formats;
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

    /// <summary>Mounts EROFS over loop devices, which go away with the mount. Returns a warning, or null.</summary>
    public static string? ErofsOnLoop(ErofsLoopMount mount)
    {
        List<LoopDevice> devices = [];
        try
        {
            foreach (string file in mount.Devices) devices.Add(LoopDevice.Attach(file, mount.BlockSize));
            return OnLoop("erofs", mount.Disk, mount.BlockSize, mount.Target, mount.ReadAheadKilobytes, Configure, Hint);
        }
        finally
        {
            foreach (LoopDevice device in devices) device.Dispose();
        }

        void Configure(FileSystemContext context)
        {
            foreach (LoopDevice device in devices) context.Set("device", device.Path);
        }

        string? Hint(int errno) => errno == Errno.EINVAL ? "is the disk an EROFS image with this block size?" : null;
    }

    /// <summary>Runs through the code of a mount without mounting.</summary>
    internal static void Warm()
    {
        try
        {
            using (var context = new FileSystemContext("erofs", "warm-up"))
            {
                context.SetFlag("ro");
                context.SetPath("source", "/dev/null");
            }

            Erofs(new ErofsMount { Bootstrap = "/dev/null", Devices = ["/dev/null"], Target = "/proc/self/nothing" });
        }
        catch (SluiceException)
        {
            // As expected; a kernel without EROFS says so to the first request.
        }

        Libc.MoveMount(Libc.FsMount(-1, 0), "/proc/self/nothing");
        _ = ReadAhead.Names().Except(ReadAhead.Names(), StringComparer.Ordinal).Count();
        ReadAhead.Set("/proc/self/nothing", 0);
    }

    private static string? ErofsHint(int errno) => errno switch
    {
        Errno.ENOTBLK => "this kernel mounts EROFS from block devices only (files: Linux 6.12, CONFIG_EROFS_FS_BACKED_BY_FILE; not from overlayfs or tmpfs): set mount.mode: loop",
        Errno.ENOENT => "does every device file exist?",
        Errno.ENOTCONN or Errno.ECONNABORTED => "the disk server of its devices has died: restart it",
        Errno.EINVAL => "is it an EROFS image, and are there as many devices as its table has?",
        _ => null,
    };
}
