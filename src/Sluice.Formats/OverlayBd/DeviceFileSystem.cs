namespace Sluice.Formats.OverlayBd;

/// <summary>Which file system is on a device, by its superblock.</summary>
public static class DeviceFileSystem
{
    /// <summary>Bytes of a device that <see cref="Probe"/> needs.</summary>
    public const int Length = 4096;

    private const int ExtStateOffset = 1024 + 0x3A, ExtCompatibleOffset = 1024 + 0x5C;
    private const int ErofsMagicOffset = 1024; // the superblock begins with it
    private const int ExtMagicOffset = 1024 + 56;

    /// <summary>The kernel's name of the file system: <c>ext4</c> (also for ext2 and ext3, which the same driver mounts), <c>xfs</c> or <c>erofs</c>; null for any other.</summary>
    /// <param name="start">The first bytes of the device.</param>
    public static string? Probe(ReadOnlySpan<byte> start)
    {
        if (start.Length < Length) return null;
        if (start.StartsWith("XFSB"u8)) return "xfs";
        if (start[ErofsMagicOffset..].StartsWith((ReadOnlySpan<byte>)[0xE2, 0xE1, 0xF5, 0xE0])) return "erofs";
        return start[ExtMagicOffset..].StartsWith((ReadOnlySpan<byte>)[0x53, 0xEF]) ? "ext4" : null;
    }

    /// <summary>True for an ext4 that should be checked before it is written: not unmounted, without a journal to replay; or with errors.</summary>
    public static bool NeedsCheck(ReadOnlySpan<byte> start)
    {
        const int valid = 1, errors = 2, journal = 4;
        if (Probe(start) != "ext4") return false;
        int state = start[ExtStateOffset];
        return (state & errors) != 0 || ((state & valid) == 0 && (start[ExtCompatibleOffset] & journal) == 0);
    }
}
