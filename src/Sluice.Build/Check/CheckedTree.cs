using Sluice.Formats.Hashing;
using Sluice.Formats.Trees;
using Sluice.Storage.Images;

namespace Sluice.Build.Check;

/// <summary>One side of a comparison: a tree whose files' chunks have digests.</summary>
internal sealed class CheckedTree
{
    public required Inode Root { get; init; }

    /// <summary>Null where the content can't be compared.</summary>
    public required Func<ChunkReference, ChunkDigest>? DigestOf { get; init; }

    /// <summary>RAFS keeps hard links of regular files only: other files have one inode for each name.</summary>
    public required bool LinksRegularFilesOnly { get; init; }

    /// <summary>The tree comes from a file system with a <c>lost+found</c> of its own, which was left out if it was unused.</summary>
    public bool HidesLostAndFound { get; init; }

    /// <summary>The RAFS image whose chunk digests were believed; null where content itself was read.</summary>
    public RemoteRafsImage? Believed { get; init; }

    /// <summary>Bytes downloaded for the tree.</summary>
    public required long BytesFetched { get; init; }
}
