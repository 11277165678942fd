namespace Sluice.Formats.Ext4;

/// <summary>What a new file system is like. Nothing of it comes from a clock or from chance.</summary>
public sealed record Ext4FormatOptions
{
    public const long DefaultSize = 64L << 30;

    /// <summary>Bytes of the device: 1 MiB to 16 TiB less a block, a multiple of 4 KiB.</summary>
    public long Size { get; init; } = DefaultSize;

    /// <summary>Identity of the file system, as tools show it.</summary>
    public Guid Uuid { get; init; } = new("5c1a1ce0-0000-4000-8000-000000000004");

    /// <summary>Seed of the hash of directory entries. All zeros: the one that is built into ext4.</summary>
    public Guid HashSeed { get; init; }

    /// <summary>Seconds since 1970: when it was made, and the times of its root directory.</summary>
    public uint Time { get; init; }

    /// <summary>One inode for so many bytes of the device.</summary>
    public int BytesPerInode { get; init; } = 16384;
}
