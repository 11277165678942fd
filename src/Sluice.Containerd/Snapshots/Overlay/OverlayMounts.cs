namespace Sluice.Containerd.Snapshots.Overlay;

/// <summary>The mounts of a snapshot, exactly as containerd's own overlayfs snapshotter describes them.</summary>
internal static class OverlayMounts
{
    /// <summary>A writable snapshot.</summary>
    /// <param name="lowers">Directories of the parents, nearest first; may be empty.</param>
    public static SnapshotMount Writable(string fs, string work, IReadOnlyList<string> lowers, OverlaySupport support) =>
        lowers.Count == 0 ? Bind(fs, "rw") : Overlay(support, [$"workdir={work}", $"upperdir={fs}"], lowers);

    /// <summary>A view.</summary>
    /// <param name="fs">The view's own empty directory, shown when it has no parent.</param>
    public static SnapshotMount ReadOnly(string fs, IReadOnlyList<string> lowers, OverlaySupport support) => lowers.Count switch
    {
        0 => Bind(fs, "ro"),
        1 => Bind(lowers[0], "ro"),
        _ => Overlay(support, [], lowers),
    };

    private static SnapshotMount Bind(string source, string access) => new("bind", source, [access, "rbind"]);

    private static SnapshotMount Overlay(OverlaySupport support, ReadOnlySpan<string> upper, IReadOnlyList<string> lowers)
    {
        List<string> options = [];
        if (support.IndexOff) options.Add("index=off");
        if (support.UserXattr) options.Add("userxattr");
        options.AddRange(upper);
        options.Add("lowerdir=" + string.Join(':', lowers));
        return new SnapshotMount("overlay", "overlay", options);
    }
}
