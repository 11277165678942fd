using Sluice.Formats.Trees;

namespace Sluice.Formats.Erofs;

/// <summary>An inode as it stands in the image: compact or extended, with its xattr count turned into bytes.</summary>
internal readonly record struct ErofsNode
{
    public required ulong Nid { get; init; }

    public required long Offset { get; init; }

    /// <summary>32 or 64.</summary>
    public required int HeaderSize { get; init; }

    public required ErofsDataLayout Layout { get; init; }

    public required int XattrSize { get; init; }

    public required ErofsInode Fields { get; init; }

    public FileType Type => (FileType)(Fields.Mode & 0xF000);

    public long Size => (long)Fields.Size;

    /// <summary>Where the inline tail begins.</summary>
    public long TailOffset => Offset + HeaderSize + XattrSize;
}
