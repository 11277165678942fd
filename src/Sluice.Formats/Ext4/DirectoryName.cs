using Sluice.Formats.Trees;

namespace Sluice.Formats.Ext4;

/// <summary>A name in a directory, with its hash once that is known.</summary>
/// <param name="Type">As in directory entries.</param>
internal readonly record struct DirectoryName(FileName Name, uint Inode, byte Type, uint Hash = 0)
{
    public int EntrySize => DirectoryBlock.EntrySize(Name.Length);
}
