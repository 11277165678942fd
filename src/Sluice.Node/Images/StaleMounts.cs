using Sluice.Kernel.Mounts;
using Sluice.Node.Configuration;

namespace Sluice.Node.Images;

/// <summary>
/// Mounts that a killed process has left: everything in the state directory, and images elsewhere that stand on this root's
/// bootstraps or on this state's disks. Only for the holder of the locks of both directories: no living process serves these.
/// </summary>
internal static class StaleMounts
{
    /// <summary>Detaches them; whoever still uses one keeps it, and reads what it has cached or an error.</summary>
    public static void Detach(NodeOptions options, Action<string> log)
    {
        foreach (MountEntry entry in MountTable.Read().Where(entry => IsBelow(ImageMounts.BackingFileOf(entry.Source), options.WritableDisksDirectory))) FrozenFileSystem.ThawLeftOver(entry.MountPoint);
        foreach (MountEntry entry in MountTable.Read().Where(entry => IsOurs(entry, options)).Reverse()) Detach(entry, log);
        foreach (MountEntry entry in MountTable.Below(options.State)) Detach(entry, log);
        foreach (string device in LoopDevices.Below(options.WritableDisksDirectory)) LoopDevices.Detach(device);
        foreach (string directory in Directory.EnumerateDirectories(options.MountsDirectory)) Directory.Delete(directory); // empty ones, the mount points
    }

    private static void Detach(MountEntry entry, Action<string> log)
    {
        if (MountTable.Find(entry.MountPoint)?.Id != entry.Id)
        {
            log($"{entry.MountPoint}: a mount of an earlier process stays there, below another one");
            return;
        }

        if (MountCalls.Detach(entry.MountPoint)) log($"{entry.MountPoint}: removed the mount of an earlier process");
    }

    private static bool IsOurs(MountEntry entry, NodeOptions options) =>
        (entry.Type == "erofs" && IsBelow(entry.Source, options.ImagesDirectory))
        || (ImageMounts.BackingFileOf(entry.Source) is var disk && (IsBelow(disk, options.DisksDirectory) || IsBelow(disk, options.WritableDisksDirectory)));

    private static bool IsBelow(string path, string directory) => path.StartsWith(Path.TrimEndingDirectorySeparator(directory) + "/", StringComparison.Ordinal);
}
