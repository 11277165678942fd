using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;
using Sluice.Formats.Compression;
using Sluice.Formats.Hashing;

namespace Sluice.Formats.Rafs.Blobs;

/// <summary>One entry of a blob's table of contents: where a section lies, how it is compressed and what it hashes to.</summary>
/// <remarks>
/// <code>
/// 0    4  flags: 1 none, 2 zstd, 4 lz4_block
/// 8   16  name, NUL-padded ("blob.meta.header" fills it)
/// 24  32  sha256 of the uncompressed content
/// 56   8  offset in the blob
/// 64   8  stored size
/// 72   8  uncompressed size
/// 80  48  reserved; nydus 2.2 left garbage there
/// </code>
/// The digest of <c>image.blob</c> also covers the tar header behind the chunk data, and its uncompressed size is that of
/// the blob space though nothing says that it is compressed; the nydus 2.2 writer put a wrong offset there.
/// </remarks>
public sealed record BlobTocEntry
{
    internal const int Size = 128;

    private const uint FlagNone = 1;
    private const uint FlagZstd = 2;
    private const uint FlagLz4Block = 4;

    public required string Name { get; init; }

    public Compressor Compressor { get; init; }

    public ChunkDigest Digest { get; init; }

    public required long Offset { get; init; }

    public required long CompressedSize { get; init; }

    public required long UncompressedSize { get; init; }

    /// <summary>Decompresses the section (never <c>image.blob</c>) and checks its digest.</summary>
    /// <param name="stored">The <see cref="CompressedSize"/> bytes at <see cref="Offset"/>.</param>
    /// <exception cref="InvalidFormatException">Wrong size, undecodable, of absurd size, or the digest differs.</exception>
    public byte[] Unpack(ReadOnlySpan<byte> stored)
    {
        if (stored.Length != CompressedSize) throw Error($"has {stored.Length} bytes instead of {CompressedSize}");
        byte[] content = BlobMetadataCodec.Decompress(Compressor, stored, UncompressedSize, Name);
        if (new ChunkDigest(SHA256.HashData(content)) != Digest) throw Error("does not match its digest");
        return content;
    }

    internal static BlobTocEntry Read(ReadOnlySpan<byte> entry)
    {
        ReadOnlySpan<byte> name = entry.Slice(8, 16);
        int end = name.IndexOf((byte)0);
        uint flags = BinaryPrimitives.ReadUInt32LittleEndian(entry);
        string text = Encoding.ASCII.GetString(end < 0 ? name : name[..end]);
        return new BlobTocEntry
        {
            Name = text,
            Compressor = flags switch
            {
                FlagNone => Compressor.None,
                FlagZstd => Compressor.Zstd,
                FlagLz4Block => Compressor.Lz4Block,
                _ => throw new InvalidFormatException("nydus blob toc", $"entry '{text}' has unknown flags 0x{flags:x}"),
            },
            Digest = new ChunkDigest(entry.Slice(24, 32)),
            Offset = ReadSize(entry[56..], text),
            CompressedSize = ReadSize(entry[64..], text),
            UncompressedSize = ReadSize(entry[72..], text),
        };
    }

    internal void Write(Span<byte> entry)
    {
        entry[..Size].Clear();
        BinaryPrimitives.WriteUInt32LittleEndian(entry, Compressor switch
        {
            Compressor.None => FlagNone,
            Compressor.Zstd => FlagZstd,
            Compressor.Lz4Block => FlagLz4Block,
            _ => throw new NotSupportedException($"a toc entry cannot be compressed with {Compressor}"),
        });
        Encoding.ASCII.GetBytes(Name, entry.Slice(8, 16));
        Digest.CopyTo(entry[24..]);
        BinaryPrimitives.WriteInt64LittleEndian(entry[56..], Offset);
        BinaryPrimitives.WriteInt64LittleEndian(entry[64..], CompressedSize);
        BinaryPrimitives.WriteInt64LittleEndian(entry[72..], UncompressedSize);
    }

    private static long ReadSize(ReadOnlySpan<byte> field, string name)
    {
        long value = BinaryPrimitives.ReadInt64LittleEndian(field);
        return value is >= 0 and <= RafsBlobLimits.MaxUncompressedSize
            ? value
            : throw new InvalidFormatException("nydus blob toc", $"entry '{name}' has an offset or size of {(ulong)value}");
    }

    private InvalidFormatException Error(string message) => new("nydus blob toc", $"section '{Name}' {message}");
}
