namespace Sluice.Kernel.Mounts;

/// <summary>Tells mounts of lazy images from others.</summary>
public static class ImageMounts
{
    private const string DiskServer = "fuse";

    /// <summary>True for EROFS, and for any file system that stands on a disk of a disk server.</summary>
    public static bool IsImage(MountEntry entry) =>
        entry.Type == "erofs"
        || (Path.GetDirectoryName(BackingFileOf(entry.Source)) is { Length: > 0 } disks && MountTable.Find(disks) is { } served && served.Type.StartsWith(DiskServer, StringComparison.Ordinal));

    /// <summary>The file that a loop device stands on; empty for anything else.</summary>
    public static string BackingFileOf(string device)
    {
        if (!device.StartsWith("/dev/loop", StringComparison.Ordinal)) return "";
        try
        {
            return File.ReadAllText($"/sys/block/{Path.GetFileName(device)}/loop/backing_file").Trim();
        }
        catch (IOException)
        {
            return ""; // detached meanwhile
        }
    }
}
