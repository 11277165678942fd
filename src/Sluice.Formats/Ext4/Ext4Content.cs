namespace Sluice.Formats.Ext4;

/// <summary>Content that is on the device already, and that no inode has yet.</summary>
public sealed class Ext4Content
{
    internal Ext4Content(long size, Ext4Extent[] extents)
    {
        Size = size;
        Extents = extents;
    }

    /// <summary>Bytes of the file, holes included.</summary>
    public long Size { get; }

    /// <summary>In file order; what lies between is a hole.</summary>
    public IReadOnlyList<Ext4Extent> Extents { get; }
}
