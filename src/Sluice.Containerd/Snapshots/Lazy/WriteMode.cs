namespace Sluice.Containerd.Snapshots.Lazy;

/// <summary>How a container writes. The numbers are those of the database.</summary>
public enum WriteMode
{
    /// <summary>To the upper directory of an overlayfs over the image.</summary>
    Overlay = 0,

    /// <summary>To a disk of its own over the image's device; the container gets the directory that it is mounted on.</summary>
    Directory = 1,

    /// <summary>To such a disk; the container gets the device and mounts it itself.</summary>
    Device = 2,
}

/// <summary>The words for modes in labels and configuration.</summary>
public static class WriteModes
{
    public const string Names = "overlayfs, dir, dev";

    /// <summary>Null: no such word.</summary>
    public static WriteMode? Parse(string text) => text switch
    {
        "overlayfs" => WriteMode.Overlay,
        "dir" => WriteMode.Directory,
        "dev" => WriteMode.Device,
        _ => null,
    };
}
