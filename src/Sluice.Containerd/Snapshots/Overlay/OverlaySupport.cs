using Sluice.Containerd.Files;
using Sluice.Formats;

namespace Sluice.Containerd.Snapshots.Overlay;

/// <summary>What the kernel and the file system below the snapshots allow.</summary>
/// <param name="IndexOff">The mount option <c>index=off</c> exists and is set: lower directories are shared between mounts.</param>
/// <param name="UserXattr"><c>userxattr</c> is needed: inside a user namespace trusted.* attributes can't be written.</param>
internal sealed record OverlaySupport(bool IndexOff, bool UserXattr)
{
    /// <summary>TMPFS_MAGIC of statfs(2); tmpfs refuses user.* attributes.</summary>
    private const long TmpfsMagic = 0x01021994;

    private const byte TypeUnknown = 0;

    /// <param name="root">Existing directory that holds at least one entry.</param>
    /// <exception cref="SluiceException">overlayfs can't stand on this file system.</exception>
    public static OverlaySupport Detect(string root)
    {
        using DirectoryHandle directory = DirectoryHandle.TryOpen(root) ?? throw new SluiceException(SluiceError.Disk, root, "not a directory");
        if (directory.ReadEntries().TrueForAll(entry => entry.Type == TypeUnknown))
        {
            throw new SluiceException(SluiceError.Disk, root, "the file system does not report file types, which overlayfs needs", "on xfs: format it with ftype=1");
        }

        bool userXattr = RunsInUserNamespace() && !IsTmpfs(root) && OperatingSystem.IsOSPlatformVersionAtLeast("linux", 5, 11);
        return new OverlaySupport(File.Exists("/sys/module/overlay/parameters/index"), userXattr);
    }

    /// <summary>The first user namespace maps all ids to themselves. Source: user_namespaces(7).</summary>
    private static bool RunsInUserNamespace()
    {
        if (!File.Exists("/proc/self/uid_map")) return false;
        string[] fields = File.ReadAllText("/proc/self/uid_map").Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries);
        return fields is not ["0", "0", "4294967295"];
    }

    private static unsafe bool IsTmpfs(string path)
    {
        long* result = stackalloc long[64];
        return Libc.StatFileSystem(path, (byte*)result) == 0 && result[0] == TmpfsMagic;
    }
}
