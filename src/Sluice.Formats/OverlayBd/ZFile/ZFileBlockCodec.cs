using System.Buffers.Binary;
using Sluice.Formats.Compression;
using Sluice.Formats.Hashing;

namespace Sluice.Formats.OverlayBd.ZFile;

/// <summary>
/// Encodes and decodes single blocks of a ZFile, from span to span. A value without state: safe to use from any number of
/// threads, and the result depends on nothing but the content.
/// </summary>
/// <param name="BlockSize">Uncompressed bytes of a whole block.</param>
/// <param name="HasChecksums">A block is followed by the raw CRC-32C of its compressed bytes, seed 100007.</param>
public readonly record struct ZFileBlockCodec(ZFileAlgorithm Algorithm, int BlockSize, bool HasChecksums)
{
    internal const int ChecksumSize = sizeof(uint);

    private const uint ChecksumSeed = 100007;

    /// <summary>Bytes of a stored block's checksum.</summary>
    public int Overhead => HasChecksums ? ChecksumSize : 0;

    /// <summary>Room that <see cref="Compress"/> needs, in bytes.</summary>
    public int MaxStoredLength => ChunkCodec.MaxCompressedLength(Algorithm.ToCompressor(), BlockSize) + Overhead;

    /// <summary>Compresses a block and appends its checksum.</summary>
    /// <param name="content">1 byte to <see cref="BlockSize"/>.</param>
    /// <param name="stored">Room for <see cref="MaxStoredLength"/>.</param>
    /// <returns>
    /// Bytes written; or -1 if the result is longer than <see cref="ZFileLimits.MaxWrittenBlock"/>, which happens only with content of
    /// 64 KiB that does not compress: other readers could not read it.
    /// </returns>
    /// <exception cref="SluiceException">The codec's library is missing.</exception>
    public int Compress(ReadOnlySpan<byte> content, Span<byte> stored)
    {
        if (content.IsEmpty || content.Length > BlockSize) throw new ArgumentException($"{content.Length} bytes are no block", nameof(content));
        if (stored.Length < MaxStoredLength) throw new ArgumentException("too small", nameof(stored));
        int length = ChunkCodec.CompressAlways(Algorithm.ToCompressor(), content, stored[..^Overhead]);
        if (length < 0 || length + Overhead > ZFileLimits.MaxWrittenBlock) return -1;
        if (!HasChecksums) return length;
        BinaryPrimitives.WriteUInt32LittleEndian(stored[length..], Crc32C.Raw(stored[..length], ChecksumSeed));
        return length + ChecksumSize;
    }

    /// <summary>Whether a stored block agrees with its checksum. True without checksums.</summary>
    public bool IsIntact(ReadOnlySpan<byte> stored)
    {
        if (!HasChecksums) return !stored.IsEmpty;
        return stored.Length > ChecksumSize
            && BinaryPrimitives.ReadUInt32LittleEndian(stored[^ChecksumSize..]) == Crc32C.Raw(stored[..^ChecksumSize], ChecksumSeed);
    }

    /// <summary>Checks and decompresses a block; all of <paramref name="stored"/> must give exactly all of <paramref name="content"/>.</summary>
    /// <exception cref="InvalidFormatException">The checksum is wrong, or the block is corrupt. The content is then undefined.</exception>
    /// <exception cref="SluiceException">The codec's library is missing.</exception>
    public void Decompress(ReadOnlySpan<byte> stored, Span<byte> content)
    {
        if (!IsIntact(stored)) throw ZFileHeader.Error("the checksum of a block is wrong");
        ChunkCodec.Decompress(Algorithm.ToCompressor(), stored[..^Overhead], content);
    }
}
