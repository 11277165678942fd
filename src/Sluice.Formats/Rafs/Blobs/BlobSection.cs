namespace Sluice.Formats.Rafs.Blobs;

/// <summary>One section of a blob: <paramref name="Size"/> bytes at <paramref name="Offset"/>, followed by a tar header of that name.</summary>
public readonly record struct BlobSection(string Name, long Offset, long Size)
{
    /// <summary>Chunk data.</summary>
    public const string ImageBlob = "image.blob";

    /// <summary>Chunk-info array and its 4096-byte header, one behind the other.</summary>
    public const string BlobMeta = "blob.meta";

    /// <summary>Only as a TOC entry: the header inside the <see cref="BlobMeta"/> section.</summary>
    public const string BlobMetaHeader = "blob.meta.header";

    /// <summary>32-byte digests, one per chunk, in chunk order.</summary>
    public const string BlobDigest = "blob.digest";

    /// <summary>The layer's own bootstrap.</summary>
    public const string ImageBoot = "image.boot";

    /// <summary>The table of contents; its tar header is the last 512 bytes of the blob.</summary>
    public const string Toc = "rafs.blob.toc";
}
