namespace Sluice.Kernel.Mounts;

/// <summary>An EROFS image to mount, read-only.</summary>
public sealed record ErofsMount
{
    /// <summary>The bootstrap: a plain local file (not on overlayfs, not a file of the disk server).</summary>
    public required string Bootstrap { get; init; }

    /// <summary>
    /// Files that hold the data, in the order and number of the bootstrap's device table; files of a disk server or plain
    /// ones. With none, metadata can be read and data is EIO.
    /// </summary>
    public IReadOnlyList<string> Devices { get; init; } = [];

    /// <summary>Existing directory to mount on.</summary>
    public required string Target { get; init; }

    /// <summary>Read-ahead in KiB; the kernel's own 128 KiB would cut sequential reads of a slow disk to pieces.</summary>
    public int ReadAheadKilobytes { get; init; } = 1024;
}
