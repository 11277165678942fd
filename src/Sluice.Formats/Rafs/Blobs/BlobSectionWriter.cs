using System.Security.Cryptography;
using Sluice.Formats.Compression;
using Sluice.Formats.Hashing;

namespace Sluice.Formats.Rafs.Blobs;

/// <summary>Writes the sections of a blob with their tar headers, hashes everything and keeps the table of contents.</summary>
internal sealed class BlobSectionWriter(Stream output, bool withTarHeaders, bool withToc) : IDisposable
{
    private readonly IncrementalHash _hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
    private readonly List<BlobTocEntry> _toc = [];
    private readonly byte[] _tarHeader = new byte[BlobTarHeader.Size];

    public long Position { get; private set; }

    /// <summary>sha256 of everything so far.</summary>
    public byte[] GetHash() => _hash.GetCurrentHash();

    public void Write(ReadOnlySpan<byte> bytes)
    {
        output.Write(bytes);
        _hash.AppendData(bytes);
        Position += bytes.Length;
    }

    /// <summary>Ends the chunk data, which must be all that was written so far.</summary>
    public void EndData(long uncompressedSize)
    {
        long size = Position;
        WriteTarHeader(BlobSection.ImageBlob, size);

        // This digest covers the tar header too, as nydus has it: the hash of everything so far.
        _toc.Add(new BlobTocEntry
        {
            Name = BlobSection.ImageBlob,
            Offset = 0,
            CompressedSize = size,
            UncompressedSize = uncompressedSize,
            Digest = new ChunkDigest(GetHash()),
        });
    }

    /// <summary>Writes array, header and (with a TOC) digests.</summary>
    /// <returns>The entry with its chunk-info fields, and the file-cache form of the array.</returns>
    public (RafsBlob Entry, byte[] CacheFile) WriteChunkInfo(RafsBlob entry, ChunkInfoTable table, Compressor compressor)
    {
        byte[] array = ChunkInfoWriter.WriteArray(table);
        (byte[] stored, ChunkInfoHeader header) = ChunkInfoWriter.Pack(table, array, compressor, Position);
        byte[] headerBytes = new byte[ChunkInfoHeader.Size];
        header.Write(headerBytes);
        WriteStored(BlobSection.BlobMeta, array, stored, header.Compressor);
        WriteStored(BlobSection.BlobMetaHeader, headerBytes, headerBytes, Compressor.None);
        WriteTarHeader(BlobSection.BlobMeta, stored.Length + headerBytes.Length);
        if (withToc)
        {
            byte[] digests = table.GetDigests();
            WriteStored(BlobSection.BlobDigest, digests, digests, Compressor.None);
            WriteTarHeader(BlobSection.BlobDigest, digests.Length);
        }

        entry = entry with
        {
            ChunkInfoCompressor = header.Compressor,
            ChunkInfoOffset = header.Offset,
            ChunkInfoCompressedSize = header.CompressedSize,
            ChunkInfoUncompressedSize = header.UncompressedSize,
        };
        return (entry, ChunkInfoWriter.WriteCacheFile(header, array));
    }

    public void WriteBootstrap(ReadOnlySpan<byte> bootstrap)
    {
        (byte[] stored, Compressor compressor) = BlobMetadataCodec.Compress(Compressor.Zstd, bootstrap);
        WriteStored(BlobSection.ImageBoot, bootstrap, stored, compressor);
        WriteTarHeader(BlobSection.ImageBoot, stored.Length);
    }

    /// <summary>Writes the table of contents, if there is to be one.</summary>
    public BlobToc? WriteToc()
    {
        if (!withToc) return null;
        var toc = new BlobToc(_toc);
        Write(toc.ToBytes());
        return toc;
    }

    public void Dispose() => _hash.Dispose();

    private void WriteStored(string name, ReadOnlySpan<byte> content, ReadOnlySpan<byte> stored, Compressor compressor)
    {
        _toc.Add(new BlobTocEntry
        {
            Name = name,
            Compressor = compressor,
            Offset = Position,
            CompressedSize = stored.Length,
            UncompressedSize = content.Length,
            Digest = new ChunkDigest(SHA256.HashData(content)),
        });
        Write(stored);
    }

    private void WriteTarHeader(string name, long size)
    {
        if (!withTarHeaders) return;
        BlobTarHeader.Write(_tarHeader, name, size);
        Write(_tarHeader);
    }
}
