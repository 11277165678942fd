using Sluice.Formats.Compression;
using Sluice.Formats.Hashing;
using Sluice.Formats.Trees;

namespace Sluice.Formats.Rafs;

/// <summary>A RAFS image in memory: the tree and the tables of a bootstrap, v5 or v6. What readers return and the writer takes.</summary>
public sealed class RafsImage
{
    /// <summary>5 or 6.</summary>
    public int Version { get; init; } = 6;

    /// <summary>Block size of the EROFS image: 4096, or 512 in tarfs mode.</summary>
    public int BlockSize { get; init; } = 4096;

    /// <summary>Bytes of every chunk but the last of a file: a power of two, 4 KiB to 16 MiB.</summary>
    public required int ChunkSize { get; init; }

    public Compressor Compressor { get; init; } = Compressor.Zstd;

    public DigestAlgorithm Digester { get; init; } = DigestAlgorithm.Blake3;

    /// <summary>The root directory. <see cref="Inode.Chunks"/> refer to <see cref="Blobs"/> and to the blob's own chunk numbers.</summary>
    public required Inode Root { get; init; }

    public IReadOnlyList<RafsBlob> Blobs { get; init; } = [];

    /// <summary>
    /// Per blob, its chunks by chunk number, with digests. Where the bootstrap lists only the chunks it uses, the others
    /// have <see cref="ChunkInfo.UncompressedSize"/> 0, and the array ends with the last one used. In tarfs mode these are the pieces
    /// of the tar that files use, in its order, without digests.
    /// </summary>
    public IReadOnlyList<ChunkInfo[]> Chunks { get; init; } = [];

    /// <summary>Inodes of the prefetch table, in its order.</summary>
    public IReadOnlyList<Inode> Prefetch { get; init; } = [];

    public bool IsTarfs { get; init; }
}
