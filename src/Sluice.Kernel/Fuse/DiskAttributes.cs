namespace Sluice.Kernel.Fuse;

/// <summary>What <c>stat</c> shows of the root and of disks: root's, for root only, no times.</summary>
internal static class DiskAttributes
{
    /// <summary>How long the kernel may trust names and attributes. Removal tells it at once; this is for what went wrong.</summary>
    public const ulong ValidSeconds = 1;

    public static readonly FuseAttributes Root = new()
    {
        Inode = FuseLayout.RootNode,
        Mode = FuseLayout.ModeDirectory | 0x140, // 0500
        Links = 2,
        BlockSize = DiskNode.BlockSize,
    };

    public static FuseAttributes Of(DiskNode node) => new()
    {
        Inode = node.Number,
        Size = (ulong)node.Length,
        Blocks = (ulong)node.Length / 512,
        Mode = FuseLayout.ModeRegular | (node.Writable is null ? 0x100u : 0x180u), // 0400, 0600
        Links = 1,
        BlockSize = DiskNode.BlockSize,
    };

    public static FuseEntryOut Entry(DiskNode node) => new()
    {
        Node = node.Number,
        EntryValidSeconds = ValidSeconds,
        AttributesValidSeconds = ValidSeconds,
        Attributes = Of(node),
    };
}
