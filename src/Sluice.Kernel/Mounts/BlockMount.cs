namespace Sluice.Kernel.Mounts;

/// <summary>A block image to mount read-only over a loop device: a disk with an ordinary file system on it.</summary>
public sealed record BlockMount
{
    /// <summary>The device, usually a file of a disk server.</summary>
    public required string Disk { get; init; }

    /// <summary><c>ext4</c>, <c>xfs</c> or <c>erofs</c>.</summary>
    public required string FileSystem { get; init; }

    /// <summary>Existing directory to mount on.</summary>
    public required string Target { get; init; }

    /// <summary>Read-ahead in KiB.</summary>
    public int ReadAheadKilobytes { get; init; } = 1024;
}
