using Sluice.Formats.Erofs;
using Sluice.Formats.Trees;

namespace Sluice.Formats.Rafs.V6;

/// <summary>What the writer knows of an inode before it writes it.</summary>
internal struct PlannedInode
{
    public required Inode Inode;

    /// <summary>Its first name; empty for the root.</summary>
    public required FileName Name;

    /// <summary>Position of the directory that names it first; the root is its own parent.</summary>
    public required int Parent;

    public required int Depth;

    /// <summary>The number in <c>i_ino</c>: 1 for the root, then names counted in breadth-first order.</summary>
    public required uint Number;

    public uint Links;

    /// <summary>Directories: where its entries begin in <see cref="TreePlan.Names"/>.</summary>
    public int FirstName;

    public int XattrSize;

    public ErofsDataLayout Layout;

    /// <summary><c>i_size</c>.</summary>
    public long Size;

    /// <summary>Byte offset of the inode in the bootstrap.</summary>
    public long Offset;

    /// <summary>Byte offset of the full blocks of a directory or link; 0 when there are none.</summary>
    public long DataOffset;
}
