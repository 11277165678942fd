using Sluice.Formats.Trees;

namespace Sluice.Formats.Ext4;

/// <summary>What a file system holds: its tree, and where the content of each file is on the device.</summary>
public sealed class Ext4Image
{
    private readonly IBlockStore _store;
    private readonly Dictionary<Inode, Ext4Extent[]> _contents;

    internal Ext4Image(IBlockStore store, Inode root, Dictionary<Inode, Ext4Extent[]> contents)
    {
        _store = store;
        _contents = contents;
        Root = root;
    }

    /// <summary>The tree, <c>lost+found</c> included if it is there; regular files have no chunks.</summary>
    public Inode Root { get; }

    /// <summary>Where a file's content is, in file order; what lies between reads as zeros. Extents may reach beyond the file's size.</summary>
    public IReadOnlyList<Ext4Extent> ExtentsOf(Inode file) => _contents.TryGetValue(file, out Ext4Extent[]? extents) ? extents : [];

    /// <summary>Reads a part of a file; holes come out as zeros.</summary>
    /// <returns>Bytes read: fewer than the buffer takes at the end of the file only.</returns>
    public int ReadContent(Inode file, long offset, Span<byte> buffer)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(offset);
        buffer = buffer[..(int)Math.Min(buffer.Length, Math.Max(0, file.Size - offset))];
        buffer.Clear();
        byte[] block = new byte[Ext4Layout.BlockSize];
        foreach (Ext4Extent extent in ExtentsOf(file))
        {
            long start = Math.Max(offset, extent.Logical << Ext4Layout.BlockBits), end = Math.Min(offset + buffer.Length, extent.End << Ext4Layout.BlockBits);
            while (start < end)
            {
                long physical = extent.Physical + (start >> Ext4Layout.BlockBits) - extent.Logical;
                int skip = (int)(start & (Ext4Layout.BlockSize - 1));
                Span<byte> target = buffer[(int)(start - offset)..(int)(end - offset)];
                int whole = skip == 0 ? target.Length & -Ext4Layout.BlockSize : 0;
                if (whole == 0)
                {
                    _store.Read(physical, block);
                    target = target[..Math.Min(target.Length, block.Length - skip)];
                    block.AsSpan(skip, target.Length).CopyTo(target);
                    start += target.Length;
                    continue;
                }

                _store.Read(physical, target[..whole]);
                start += whole;
            }
        }

        return buffer.Length;
    }
}
