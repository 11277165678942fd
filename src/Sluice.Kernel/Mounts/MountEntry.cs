namespace Sluice.Kernel.Mounts;

/// <summary>One line of <c>/proc/self/mountinfo</c>, escapes resolved.</summary>
/// <param name="Id">Unique while the mount exists.</param>
/// <param name="Major">Of the file system's device; 0 where it has none.</param>
/// <param name="Minor">Of the file system's device; for FUSE also the number of the connection.</param>
/// <param name="Root">What of the file system is mounted; <c>/</c> except for bind mounts.</param>
/// <param name="MountPoint">Absolute path.</param>
/// <param name="Options">Options of the mount.</param>
/// <param name="Type">File system type, e.g. <c>erofs</c> or <c>fuse.name</c>.</param>
/// <param name="Source">What was mounted.</param>
/// <param name="SuperOptions">Options of the file system.</param>
public sealed record MountEntry(int Id, int Major, int Minor, string Root, string MountPoint, string Options, string Type, string Source, string SuperOptions)
{
    public bool IsReadOnly => Options.Split(',').Contains("ro") || SuperOptions.Split(',').Contains("ro");
}
