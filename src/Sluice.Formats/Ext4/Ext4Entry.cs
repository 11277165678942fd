using Sluice.Formats.Trees;

namespace Sluice.Formats.Ext4;

/// <summary>A name in a directory and the number of the inode that it leads to.</summary>
public readonly record struct Ext4Entry(FileName Name, uint Inode);
