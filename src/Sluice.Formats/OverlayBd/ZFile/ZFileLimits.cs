namespace Sluice.Formats.OverlayBd.ZFile;

/// <summary>What a ZFile may claim. Limits of the format's own reader, except where it says that they are ours.</summary>
public static class ZFileLimits
{
    public const int MinBlockSize = 4 << 10;
    public const int MaxBlockSize = 64 << 10;

    /// <summary>
    /// The longest stored block, checksum included, that a writer may make: the format's own reader has a buffer of 64 KiB.
    /// </summary>
    public const int MaxWrittenBlock = 64 << 10;

    /// <summary>
    /// Stored bytes of all blocks but the last within a group of 64 KiB of content have to stay below this: the format's own reader keeps
    /// them as 16-bit numbers. No block size can reach it (see <see cref="ZFileWriter"/>).
    /// </summary>
    public const int MaxGroup = ushort.MaxValue;

    /// <summary>The longest stored block that we read. Ours: twice what any compressor makes of 64 KiB.</summary>
    public const int MaxStoredBlock = 128 << 10;

    /// <summary>Blocks of a file. Ours: a jump table of 1 GiB, 1 TiB of content at 4 KiB. The format's own reader takes 10^9.</summary>
    public const int MaxBlocks = 1 << 28;

    /// <summary>True for a power of two within the bounds.</summary>
    public static bool IsBlockSize(int size) => size is >= MinBlockSize and <= MaxBlockSize && int.IsPow2(size);
}
