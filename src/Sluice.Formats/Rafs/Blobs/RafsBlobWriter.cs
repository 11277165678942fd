using Sluice.Formats.Compression;
using Sluice.Formats.Hashing;
using Sluice.Formats.Oci;

namespace Sluice.Formats.Rafs.Blobs;

/// <summary>
/// Writes a RAFS v6 data blob to a stream, front to back in one pass: chunks, then the sections behind them, byte for byte as
/// nydus lays them out. Chunks may be encoded elsewhere, in parallel; they get their places here, in the order of the calls.
/// </summary>
/// <remarks>
/// <code>
/// Append(...) for every chunk                      // number, offsets
/// RafsBlob entry = writer.CompleteChunks();        // chunk info and digests are written; the entry for the layer's own bootstrap
/// byte[] bootstrap = ...;                          // which names this entry
/// WrittenBlob blob = writer.Complete(bootstrap);   // bootstrap, TOC
/// </code>
/// Not thread-safe. The same input gives the same bytes. The stream is neither flushed nor disposed.
/// </remarks>
public sealed class RafsBlobWriter : IDisposable
{
    /// <summary>What stands for the id in the bootstrap inside the blob, whose own digest can't be known yet.</summary>
    public static readonly string UnknownId = new('x', 64);

    private readonly RafsBlobWriterOptions _options;
    private readonly BlobSectionWriter _sections;
    private readonly List<ChunkInfo> _chunks = [];
    private long _uncompressed;
    private byte[] _chunkInfoFile = [];
    private RafsBlob? _entry;
    private bool _complete;

    public RafsBlobWriter(Stream output, RafsBlobWriterOptions options)
    {
        ArgumentNullException.ThrowIfNull(output);
        ArgumentNullException.ThrowIfNull(options);
        if (!System.Numerics.BitOperations.IsPow2(options.ChunkSize) || options.ChunkSize is < 0x1000 or > RafsBlobLimits.MaxChunkSize)
        {
            throw new ArgumentException($"a chunk size of {options.ChunkSize}", nameof(options));
        }

        if (options.Compressor == Compressor.Gzip) throw new ArgumentException("chunks of a native blob are never gzip", nameof(options));
        _options = options;
        _sections = new BlobSectionWriter(output, options.WithTarHeaders, options.WithToc);
    }

    /// <summary>The number that the next chunk will get.</summary>
    public int ChunkCount => _chunks.Count;

    /// <summary>Bytes written so far.</summary>
    public long Position => _sections.Position;

    /// <summary>The chunks so far, by number.</summary>
    public IReadOnlyList<ChunkInfo> Chunks => _chunks;

    /// <summary>Appends an encoded chunk.</summary>
    /// <param name="stored">Compressed with the options' compressor, and smaller than the content; or the content itself.</param>
    /// <param name="uncompressedSize">1 to the chunk size. Equal to the stored size exactly if the chunk is not compressed.</param>
    /// <param name="digest">Of the content, by the options' digester.</param>
    /// <param name="crc32">CRC-32C of the content.</param>
    /// <returns>The chunk's number.</returns>
    public int Append(ReadOnlySpan<byte> stored, int uncompressedSize, ChunkDigest digest, uint crc32)
    {
        if (_entry is not null) throw new InvalidOperationException("the chunks are complete");
        if (uncompressedSize < 1 || uncompressedSize > _options.ChunkSize)
        {
            throw new ArgumentOutOfRangeException(nameof(uncompressedSize), uncompressedSize, "not a chunk's size");
        }

        if (stored.IsEmpty || stored.Length > uncompressedSize) throw new ArgumentException($"{stored.Length} bytes store {uncompressedSize}", nameof(stored));
        if (_chunks.Count == RafsBlobLimits.MaxChunks - 1 || Position + stored.Length > RafsBlobLimits.MaxCompressedSize)
        {
            throw new SluiceException(SluiceError.Image, "blob", "a layer is larger than a RAFS blob can be", "use larger chunks");
        }

        bool compressed = stored.Length != uncompressedSize;
        _chunks.Add(new ChunkInfo
        {
            CompressedOffset = Position,
            CompressedSize = stored.Length,
            UncompressedOffset = _uncompressed,
            UncompressedSize = uncompressedSize,
            Flags = ChunkFlags.HasCrc32 | (compressed ? ChunkFlags.Compressed : ChunkFlags.None),
            Crc32 = crc32,
            Digest = digest,
        });
        _uncompressed += Align(uncompressedSize);
        _sections.Write(stored);
        return _chunks.Count - 1;
    }

    /// <summary>Encodes and appends one chunk on the calling thread.</summary>
    /// <returns>The chunk's number.</returns>
    public int AppendContent(ReadOnlySpan<byte> content)
    {
        byte[] buffer = System.Buffers.ArrayPool<byte>.Shared.Rent(ChunkCodec.MaxCompressedLength(_options.Compressor, content.Length));
        try
        {
            int length = ChunkCodec.Compress(_options.Compressor, content, buffer);
            ReadOnlySpan<byte> stored = length < 0 ? content : buffer.AsSpan(0, length);
            return Append(stored, content.Length, ChunkDigest.Compute(_options.Digester, content), Crc32C.Compute(content));
        }
        finally
        {
            System.Buffers.ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    /// <summary>Writes chunk info and digests. No chunk can be appended afterwards.</summary>
    /// <returns>The blob-table entry for the bootstrap that goes into the blob: its id is <see cref="UnknownId"/>.</returns>
    public RafsBlob CompleteChunks()
    {
        if (_entry is not null) return _entry;
        var entry = new RafsBlob
        {
            Id = UnknownId,
            ChunkSize = _options.ChunkSize,
            ChunkCount = _chunks.Count,
            Compressor = _options.Compressor,
            Digester = _options.Digester,
            Features = _options.Features,
            UncompressedSize = _uncompressed,
        };

        // A blob without chunks has neither data nor tables, not even empty ones.
        if (_chunks.Count > 0)
        {
            _sections.EndData(_uncompressed);
            var table = new ChunkInfoTable { Features = _options.Features, Chunks = [.. _chunks] };
            (entry, _chunkInfoFile) = _sections.WriteChunkInfo(entry, table, _options.Compressor);
        }

        return _entry = entry with { CompressedSize = Position };
    }

    /// <summary>Writes the bootstrap, if the options announced one, and the table of contents.</summary>
    /// <param name="bootstrap">The layer's own bootstrap; empty if the options say so.</param>
    public WrittenBlob Complete(ReadOnlySpan<byte> bootstrap = default)
    {
        if (_complete) throw new InvalidOperationException("the blob is complete");
        if (bootstrap.IsEmpty == _options.WithBootstrap)
        {
            throw new ArgumentException("a bootstrap was announced and not given, or the other way round", nameof(bootstrap));
        }

        RafsBlob entry = CompleteChunks();
        _complete = true;
        if (_options.WithBootstrap) _sections.WriteBootstrap(bootstrap);
        BlobToc? toc = _sections.WriteToc();

        bool describesToc = toc is not null && !_options.WithBootstrap;
        Digest digest = Digest.FromSha256(_sections.GetHash());
        return new WrittenBlob
        {
            Digest = digest,
            Size = Position,
            Blob = entry with
            {
                Id = digest.Hex,
                Features = entry.Features & ~BlobFeatures.InlinedFsMeta,
                CompressedSize = _options.WithBootstrap ? entry.CompressedSize : Position,
                TocSize = describesToc ? toc!.StoredSize : 0,
                TocDigest = describesToc ? toc!.Digest : default,
            },
            Chunks = [.. _chunks],
            ChunkInfoFile = _chunkInfoFile,
            Toc = toc,
        };
    }

    public void Dispose() => _sections.Dispose();

    private static long Align(long size) => (size + ChunkInfoLayout.Alignment - 1) & ~(ChunkInfoLayout.Alignment - 1L);
}
