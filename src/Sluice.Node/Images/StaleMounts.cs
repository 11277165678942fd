using Sluice.Kernel.Mounts;
using Sluice.Node.Configuration;

namespace Sluice.Node.Images;

/// <summary>
/// Mounts that a killed process has left and that nobody takes over: everything in the state directory, and images elsewhere that stand on this root's
/// bootstraps or on this state's disks. Only for the holder of the locks of both directories: no other living process serves these.
/// </summary>
/// <param name="keptFileSystems">Device numbers of file systems that were taken over, wherever they are mounted: a container's own mount is another one than ours.</param>
/// <param name="keptDevices">Loop devices that were taken over.</param>
internal sealed class StaleMounts(
    NodeOptions options, IReadOnlySet<(int Major, int Minor)> keptFileSystems, IReadOnlySet<string> keptDevices, MountProcess mounts, Action<string> log)
{
    /// <summary>Detaches them; whoever still uses one keeps it, and reads what it has cached or an error.</summary>
    public async Task DetachAsync()
    {
        foreach (MountEntry entry in MountTable.Read().Where(entry => IsBelow(ImageMounts.BackingFileOf(entry.Source), options.WritableDisksDirectory))) await mounts.ThawAsync(entry.MountPoint);
        foreach (MountEntry entry in MountTable.Read().Where(IsOurs).Reverse()) await DetachAsync(entry);

        // Before the mount that their files are on: then they could not be told any more.
        foreach (string device in LoopDevices.Below(options.WritableDisksDirectory).Where(device => !keptDevices.Contains(device))) await mounts.DetachLoopAsync(device);
        foreach (MountEntry entry in MountTable.Below(options.State).Where(entry => IsBelow(entry.MountPoint, options.State))) await DetachAsync(entry); // not the tmpfs that it may be
        HashSet<string> used = [.. MountTable.Below(options.MountsDirectory).Select(entry => entry.MountPoint)];
        foreach (string directory in Directory.EnumerateDirectories(options.MountsDirectory).Where(directory => !used.Contains(directory))) RemoveMountPoint(directory);
    }

    private async Task DetachAsync(MountEntry entry)
    {
        if (keptFileSystems.Contains((entry.Major, entry.Minor)) || keptDevices.Contains(entry.Source)) return;
        if (MountTable.Find(entry.MountPoint)?.Id != entry.Id)
        {
            log($"{entry.MountPoint}: a mount of an earlier process stays there, below another one");
            return;
        }

        if (await mounts.DetachAsync(entry.MountPoint)) log($"{entry.MountPoint}: removed the mount of an earlier process");
    }

    /// <summary>Somebody may have written there while nothing was mounted: that is lost to him already, and no reason not to start.</summary>
    private void RemoveMountPoint(string directory)
    {
        try
        {
            Directory.Delete(directory);
        }
        catch (IOException exception)
        {
            log($"{directory}: kept though nothing is mounted on it: {exception.Message}");
        }
    }

    private bool IsOurs(MountEntry entry) =>
        (entry.Type == "erofs" && (IsBelow(entry.Source, options.ImagesDirectory) || IsBelow(ImageMounts.BackingFileOf(entry.Source), options.ImagesDirectory)))
        || (ImageMounts.BackingFileOf(entry.Source) is var disk && (IsBelow(disk, options.DisksDirectory) || IsBelow(disk, options.WritableDisksDirectory)));

    private static bool IsBelow(string path, string directory) => path.StartsWith(Path.TrimEndingDirectorySeparator(directory) + "/", StringComparison.Ordinal);
}
