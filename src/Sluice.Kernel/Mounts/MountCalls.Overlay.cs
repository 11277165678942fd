using System.Globalization;
using System.Text;
using Sluice.Formats;
using Sluice.Kernel.Syscalls;

namespace Sluice.Kernel.Mounts;

public static partial class MountCalls
{
    /// <summary>mount(2) copies one page of options.</summary>
    private const int MountDataLimit = 4095;

    /// <summary>Mounts an overlayfs, with any number of lower directories where the kernel can (<c>lowerdir+</c>, Linux 6.8).</summary>
    public static void Overlay(OverlayMount mount)
    {
        if (mount.Lower.Count == 0) throw new SluiceException(SluiceError.Usage, mount.Target, "an overlay needs a lower directory");
        if (mount.Upper is null != mount.Work is null) throw new SluiceException(SluiceError.Usage, mount.Target, "upper and work directory go together");
        string data = OverlayData(mount);
        if (Encoding.UTF8.GetByteCount(data) > MountDataLimit)
        {
            OverlayOfMany(mount);
            return;
        }

        nuint flags = mount.Upper is null ? Libc.MS_RDONLY : 0;
        if (Libc.Mount("overlay", mount.Target, "overlay", flags, data) != 0) throw KernelError.Last(mount.Target, "overlay mount refused", OverlayHint());
    }

    /// <summary>Shows a directory or file at a second place.</summary>
    public static void Bind(string source, string target, bool readOnly)
    {
        if (Libc.Mount(source, target, null, Libc.MS_BIND, null) != 0) throw KernelError.Last(target, $"bind mount of {source} refused");
        if (!readOnly || Libc.Mount("none", target, null, Libc.MS_BIND | Libc.MS_REMOUNT | Libc.MS_RDONLY, null) == 0) return;
        SluiceException refused = KernelError.Last(target, $"bind mount of {source} can't be made read-only");
        Detach(target);
        throw refused;
    }

    /// <summary>Mounts an empty file system in memory, of at most <paramref name="size"/> bytes.</summary>
    public static void Tmpfs(string target, long size)
    {
        string data = string.Create(CultureInfo.InvariantCulture, $"size={size},mode=755");
        if (Libc.Mount("tmpfs", target, "tmpfs", Libc.MS_NOSUID | Libc.MS_NODEV, data) != 0) throw KernelError.Last(target, "tmpfs mount refused");
    }

    private static void OverlayOfMany(OverlayMount mount)
    {
        using var context = new FileSystemContext("overlay", mount.Target);
        context.Set("source", "overlay");
        foreach (string lower in mount.Lower) context.SetPath("lowerdir+", lower);
        if (mount.Upper is not null) context.SetPath("upperdir", mount.Upper);
        if (mount.Work is not null) context.SetPath("workdir", mount.Work);
        foreach (string option in mount.Options)
        {
            int equals = option.IndexOf('=', StringComparison.Ordinal);
            if (equals < 0) context.SetFlag(option);
            else context.Set(option[..equals], option[(equals + 1)..]);
        }

        context.Create(_ => OverlayHint());
        context.MoveTo(mount.Target, mount.Upper is null ? Libc.MOUNT_ATTR_RDONLY : 0);
    }

    private static string OverlayData(OverlayMount mount)
    {
        var data = new StringBuilder("lowerdir=").AppendJoin(':', mount.Lower.Select(path => Escape(path).Replace(":", "\\:", StringComparison.Ordinal)));
        if (mount.Upper is not null) data.Append(",upperdir=").Append(Escape(mount.Upper));
        if (mount.Work is not null) data.Append(",workdir=").Append(Escape(mount.Work));
        foreach (string option in mount.Options) data.Append(',').Append(option);
        return data.ToString();
    }

    private static string Escape(string path) => path.Replace("\\", "\\\\", StringComparison.Ordinal).Replace(",", "\\,", StringComparison.Ordinal);

    private static string OverlayHint() => "do all directories exist, and can the upper's file system carry an overlay (not overlayfs itself)?";
}
