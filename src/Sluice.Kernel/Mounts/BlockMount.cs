namespace Sluice.Kernel.Mounts;

/// <summary>A block image to mount over a loop device: a disk with an ordinary file system on it.</summary>
public sealed record BlockMount
{
    /// <summary>The device, usually a file of a disk server.</summary>
    public required string Disk { get; init; }

    /// <summary><c>ext4</c>, <c>xfs</c> or <c>erofs</c>.</summary>
    public required string FileSystem { get; init; }

    /// <summary>Existing directory to mount on.</summary>
    public required string Target { get; init; }

    /// <summary>
    /// Mount it for writing: the disk must take writes. Journals are replayed; on errors the file system becomes read-only.
    /// </summary>
    public bool Writable { get; init; }

    /// <summary>Of a writable mount: tell the disk at once what is free. Otherwise fstrim(8) does.</summary>
    public bool Discard { get; init; } = true;

    /// <summary>Bytes of the device's sectors: 512, which suits every file system, or 4096.</summary>
    public int SectorSize { get; init; } = 512;

    /// <summary>Read-ahead in KiB.</summary>
    public int ReadAheadKilobytes { get; init; } = 1024;
}
