using System.Globalization;
using Sluice.Formats;

namespace Sluice.Kernel.Mounts;

/// <summary>What this machine's kernel can do for lazy mounts.</summary>
/// <param name="Version">Of the running kernel.</param>
/// <param name="IsRoot">This process may mount.</param>
/// <param name="Fuse"><c>/dev/fuse</c> is there.</param>
/// <param name="Erofs">EROFS is built in or loaded.</param>
/// <param name="ErofsFromFiles">EROFS mounts plain files (tried with a tiny image).</param>
/// <param name="Overlay">overlayfs is built in or loaded.</param>
/// <param name="Loop">Loop devices are there.</param>
/// <param name="FusePassthrough">The version has FUSE passthrough (6.9); whether it was built in shows <see cref="Fuse.FuseSession.Passthrough"/>.</param>
/// <param name="FuseResend">The version can send requests again to a successor (6.9).</param>
public sealed record KernelFeatures(
    Version Version, bool IsRoot, bool Fuse, bool Erofs, bool ErofsFromFiles, bool Overlay, bool Loop, bool FusePassthrough, bool FuseResend)
{
    private static readonly Version SixNine = new(6, 9);

    /// <summary>Looks. <paramref name="scratch"/> is an existing directory for a file of 4 KiB that is removed again; on the file system that will hold bootstraps.</summary>
    public static KernelFeatures Probe(string scratch)
    {
        Version version = VersionOf(File.ReadAllText("/proc/sys/kernel/osrelease"));
        HashSet<string> known = [.. File.ReadLines("/proc/filesystems").Select(line => line.Split('\t')[^1])];
        bool erofs = known.Contains("erofs");
        return new KernelFeatures(
            version,
            Environment.IsPrivilegedProcess,
            File.Exists("/dev/fuse"),
            erofs,
            erofs && Environment.IsPrivilegedProcess && CanMountFromFile(scratch),
            known.Contains("overlay"),
            File.Exists("/dev/loop-control"),
            version >= SixNine,
            version >= SixNine);
    }

    /// <summary>Throws a <see cref="SluiceException"/> (Kernel) that says what is missing for lazy mounts and how to get it.</summary>
    /// <param name="onLoop">EROFS over a loop device will do.</param>
    public void Require(bool onLoop)
    {
        if (!IsRoot) throw Missing("mounting needs root", "run as root");
        if (!Fuse) throw Missing("/dev/fuse is missing", "modprobe fuse; in a container: --device /dev/fuse");
        if (!Erofs) throw Missing("EROFS is missing", "modprobe erofs");
        if (onLoop && !Loop) throw Missing("loop devices are missing", "modprobe loop");
        if (!onLoop && !ErofsFromFiles)
        {
            throw Missing("EROFS can't be mounted from files", "set mount.mode: loop, or use Linux 6.12+ with CONFIG_EROFS_FS_BACKED_BY_FILE and keep the root directory off overlayfs and tmpfs");
        }

        if (!Overlay) throw Missing("overlayfs is missing", "modprobe overlay");
    }

    /// <summary>Major and minor number of <c>/proc/sys/kernel/osrelease</c>; 0 for what is no number.</summary>
    public static Version VersionOf(string release)
    {
        string[] parts = release.Split('.', 3);
        return new Version(LeadingNumber(parts[0]), parts.Length > 1 ? LeadingNumber(parts[1]) : 0);
    }

    private static int LeadingNumber(string text) =>
        int.TryParse(text.AsSpan(0, text.AsSpan().IndexOfAnyExceptInRange('0', '9') is >= 0 and var end ? end : text.Length), NumberStyles.None, CultureInfo.InvariantCulture, out int number) ? number : 0;

    private static bool CanMountFromFile(string scratch)
    {
        string image = Path.Combine(scratch, $".erofs-probe-{Environment.ProcessId}");
        try
        {
            File.WriteAllBytes(image, EmptyErofs());
            using var context = new FileSystemContext("erofs", image);
            context.SetFlag("ro");
            context.SetPath("source", image);
            context.Create(_ => null); // never mounted anywhere: gone with the context
            return true;
        }
        catch (Exception refused) when (refused is SluiceException or IOException)
        {
            return false; // a full disk, too: nothing says then that it would work
        }
        finally
        {
            File.Delete(image);
        }
    }

    /// <summary>The smallest image: superblock at 1024, and inode 40 (at 40 × 32 = 1280), an empty directory.</summary>
    private static byte[] EmptyErofs()
    {
        byte[] image = new byte[4096];
        BitConverter.TryWriteBytes(image.AsSpan(1024), 0xE0F5E1E2u);
        image[1024 + 12] = 12; // block size 4096
        BitConverter.TryWriteBytes(image.AsSpan(1024 + 14), (ushort)40); // root
        BitConverter.TryWriteBytes(image.AsSpan(1024 + 16), 1ul); // inodes
        BitConverter.TryWriteBytes(image.AsSpan(1024 + 36), 1u); // blocks
        BitConverter.TryWriteBytes(image.AsSpan(1280 + 4), (ushort)0x41ED); // directory, 0755
        BitConverter.TryWriteBytes(image.AsSpan(1280 + 6), (ushort)2); // links
        return image;
    }

    private SluiceException Missing(string what, string hint) => new(SluiceError.Kernel, $"Linux {Version}", what, hint);
}
