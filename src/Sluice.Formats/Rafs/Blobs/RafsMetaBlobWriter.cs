using Sluice.Formats.Compression;
using Sluice.Formats.Hashing;
using Sluice.Formats.Oci;

namespace Sluice.Formats.Rafs.Blobs;

/// <summary>
/// Writes the meta blob of a layer whose data stays in its OCI form (zran over .tar.gz, tar-ref): chunk info with contexts,
/// digests, the layer's bootstrap and a TOC, but no chunk data.
/// </summary>
/// <remarks>
/// <code>
/// RafsBlob entry = writer.CompleteChunks();        // for the layer's own bootstrap
/// WrittenBlob meta = writer.Complete(bootstrap);
/// </code>
/// Not thread-safe; the stream is neither flushed nor disposed.
/// </remarks>
public sealed class RafsMetaBlobWriter : IDisposable
{
    private readonly BlobSectionWriter _sections;
    private readonly RafsBlob _layer;
    private readonly ChunkInfoTable _table;
    private RafsBlob? _entry;
    private byte[] _chunkInfoFile = [];
    private bool _complete;

    /// <param name="layer">
    /// The OCI layer: id (hex of its digest), size as <see cref="RafsBlob.CompressedSize"/>, chunk size, compressor, digester
    /// (nydus always uses sha256 here) and size of the blob space. The other fields are filled in.
    /// </param>
    /// <param name="table">At least one chunk, with digests. Features are filled in, but <see cref="BlobFeatures.Zran"/> is kept.</param>
    public RafsMetaBlobWriter(Stream output, RafsBlob layer, ChunkInfoTable table)
    {
        ArgumentNullException.ThrowIfNull(output);
        ArgumentNullException.ThrowIfNull(layer);
        ArgumentNullException.ThrowIfNull(table);
        if (table.Chunks.Length == 0) throw new ArgumentException("a layer without chunks needs no meta blob", nameof(table));
        BlobFeatures features =
            BlobFeatures.CapTarToc | BlobFeatures.HasToc | BlobFeatures.HasTarHeader | BlobFeatures.InlinedFsMeta | BlobFeatures.InlinedChunkDigest |
            BlobFeatures.Separate | BlobFeatures.ChunkInfoV2 | BlobFeatures.Aligned | (table.Features & BlobFeatures.Zran);
        _layer = layer with { Features = features, ChunkCount = table.Chunks.Length };
        _table = table.WithFeatures(features);
        _sections = new BlobSectionWriter(output, withTarHeaders: true, withToc: true);
    }

    /// <summary>Writes chunk info and digests.</summary>
    /// <returns>The blob-table entry for the layer's own bootstrap.</returns>
    public RafsBlob CompleteChunks()
    {
        if (_entry is null) (_entry, _chunkInfoFile) = _sections.WriteChunkInfo(_layer, _table, Compressor.Zstd);
        return _entry;
    }

    /// <summary>Writes the layer's bootstrap and the table of contents.</summary>
    public WrittenBlob Complete(ReadOnlySpan<byte> bootstrap)
    {
        if (_complete) throw new InvalidOperationException("the blob is complete");
        RafsBlob entry = CompleteChunks();
        _complete = true;
        _sections.WriteBootstrap(bootstrap);
        BlobToc? toc = _sections.WriteToc();
        byte[] hash = _sections.GetHash();
        return new WrittenBlob
        {
            Digest = Digest.FromSha256(hash),
            Size = _sections.Position,
            Blob = entry with
            {
                Features = entry.Features & ~BlobFeatures.InlinedFsMeta,
                MetaDigest = new ChunkDigest(hash),
                MetaSize = _sections.Position,
                TocDigest = toc!.EntriesDigest,
            },
            Chunks = _table.Chunks,
            ChunkInfoFile = _chunkInfoFile,
            Toc = toc,
        };
    }

    public void Dispose() => _sections.Dispose();
}
