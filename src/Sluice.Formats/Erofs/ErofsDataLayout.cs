namespace Sluice.Formats.Erofs;

/// <summary>How an inode's data is found. The numbers are those of EROFS; 1 and 3 are the compressed layouts, unused here.</summary>
internal enum ErofsDataLayout
{
    /// <summary>Whole blocks, consecutive from the block in <c>i_u</c>.</summary>
    FlatPlain = 0,

    /// <summary>As plain, but the last, partial block follows the inode and its xattrs.</summary>
    FlatInline = 2,

    /// <summary>Chunk addresses follow the inode and its xattrs, 8-aligned.</summary>
    ChunkBased = 4,
}
