namespace Sluice.Formats.Ext4;

/// <summary>What a block of metadata is; decides where its checksum goes.</summary>
internal enum BlockKind : byte
{
    /// <summary>Superblock, bitmaps: their checksums are no part of the block, or are made by those who change them.</summary>
    Plain,
    Descriptors,
    InodeTable,
    DirectoryLeaf,
    HashNode,
    ExtentNode,
    Attributes,
}
