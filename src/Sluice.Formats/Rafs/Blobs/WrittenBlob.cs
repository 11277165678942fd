using Sluice.Formats.Oci;

namespace Sluice.Formats.Rafs.Blobs;

/// <summary>What <see cref="RafsBlobWriter"/> or <see cref="RafsMetaBlobWriter"/> wrote.</summary>
public sealed record WrittenBlob
{
    /// <summary>sha256 of everything that was written: its name in a registry.</summary>
    public required Digest Digest { get; init; }

    /// <summary>Bytes that were written.</summary>
    public required long Size { get; init; }

    /// <summary>
    /// The entry for the blob table of a merged bootstrap: real id, without <see cref="BlobFeatures.InlinedFsMeta"/>. Its
    /// <see cref="RafsBlob.CompressedSize"/> is what nydus puts there, not <see cref="Size"/>. A blob without chunks
    /// (<see cref="RafsBlob.ChunkCount"/> 0) belongs in no blob table.
    /// </summary>
    public required RafsBlob Blob { get; init; }

    /// <summary>By chunk number, with digests and checksums: the blob's part of the chunk table.</summary>
    public required ChunkInfo[] Chunks { get; init; }

    /// <summary>The file-cache form of the chunk-info array (<c>image/&lt;hex&gt;.blob.meta</c> of a bootstrap layer); empty without chunks.</summary>
    public required ReadOnlyMemory<byte> ChunkInfoFile { get; init; }

    /// <summary>Null if the options asked for none.</summary>
    public BlobToc? Toc { get; init; }
}
