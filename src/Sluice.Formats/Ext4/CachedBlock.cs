namespace Sluice.Formats.Ext4;

/// <summary>A block of metadata in memory.</summary>
internal sealed class CachedBlock(long number, byte[] bytes, BlockKind kind)
{
    public long Number { get; } = number;

    public byte[] Bytes { get; } = bytes;

    public BlockKind Kind { get; set; } = kind;

    /// <summary>The inode that the block belongs to, where it belongs to one.</summary>
    public uint Owner { get; set; }

    public bool IsDirty { get; set; }
}
