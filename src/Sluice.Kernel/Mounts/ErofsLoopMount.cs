namespace Sluice.Kernel.Mounts;

/// <summary>
/// An EROFS image to mount over loop devices, for kernels that can't mount it from files (before 6.12): one flat disk, with the bootstrap at 0 and every blob
/// space at its mapped address; or a bootstrap and devices.
/// </summary>
public sealed record ErofsLoopMount
{
    /// <summary>The flat disk, usually a file of a disk server; or the bootstrap.</summary>
    public required string Disk { get; init; }

    /// <summary>With a bootstrap: files that hold the data, as <see cref="ErofsMount.Devices"/>. Linux 5.16 and later.</summary>
    public IReadOnlyList<string> Devices { get; init; } = [];

    /// <summary>Existing directory to mount on.</summary>
    public required string Target { get; init; }

    /// <summary>The file system's block size: 4096, or 512 for a tar index.</summary>
    public int BlockSize { get; init; } = 4096;

    /// <summary>Read-ahead in KiB.</summary>
    public int ReadAheadKilobytes { get; init; } = 1024;
}
