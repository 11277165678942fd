using Sluice.Formats.Hashing;
using static System.Buffers.Binary.BinaryPrimitives;

namespace Sluice.Formats.OverlayBd.ZFile;

/// <summary>The header or the trailer of a ZFile: 512 bytes of the same layout, little-endian.</summary>
/// <remarks>
/// <code>
/// 0    8  "ZFile" 0 1 0              56  8  length of the content
/// 8   16  "tuji.yyf@Alibaba"         64  4  raw CRC-32C of the jump table
/// 24   4  96                         72  4  block size
/// 28   4  raw CRC-32C of all 512     76  1  algorithm
///         bytes, this field as 0     77  1  level (0)      78  1  uses a dictionary (0)
/// 32   8  flags                      84  4  length of the dictionary (0)
/// 40   8  offset of the jump table   88  1  1: a checksum follows each block
/// 48   8  number of blocks           89     zeros
/// </code>
/// Offsets count from the start of the ZFile. A header that was not written again has zeros from 40 to 67. Facts: overlaybd,
/// <c>src/overlaybd/zfile/zfile.cpp</c>; its prose specification says otherwise about the digest's range and the size of the jump table.
/// </remarks>
public sealed record ZFileHeader
{
    /// <summary>Bytes of a header or a trailer.</summary>
    public const int Size = 512;

    internal const string Format = "zfile";

    private const int StructSize = 96;
    private const int DigestOffset = 28;

    public ZFileFlags Flags { get; init; }

    /// <summary>Bytes from the start of the ZFile to its jump table.</summary>
    public long IndexOffset { get; init; }

    public int BlockCount { get; init; }

    /// <summary>Uncompressed bytes.</summary>
    public long ContentLength { get; init; }

    public uint IndexChecksum { get; init; }

    /// <summary>Uncompressed bytes of every block but the last: a power of two, 4 KiB to 64 KiB.</summary>
    public required int BlockSize { get; init; }

    public required ZFileAlgorithm Algorithm { get; init; }

    /// <summary>Each block is followed by its checksum.</summary>
    public required bool HasChecksums { get; init; }

    public ZFileBlockCodec Codec => new(Algorithm, BlockSize, HasChecksums);

    /// <summary>Whether the fields about the jump table are valid.</summary>
    public bool HasIndex => (Flags & (ZFileFlags.Header | ZFileFlags.HeaderOverwritten)) != ZFileFlags.Header;

    /// <summary>Bytes of the jump table.</summary>
    public long IndexLength => sizeof(uint) * (long)BlockCount;

    /// <summary>Bytes of the whole ZFile.</summary>
    public long FileLength => IndexOffset + IndexLength + Size;

    internal static ReadOnlySpan<byte> Magic => "ZFile\0\u0001\0tuji.yyf@Alibaba"u8;

    /// <summary>True if <paramref name="bytes"/> begin like a header or trailer.</summary>
    public static bool IsMatch(ReadOnlySpan<byte> bytes) => bytes.StartsWith(Magic);

    /// <summary>Reads a header or a trailer and checks its digest and its fields.</summary>
    /// <param name="bytes">At least 512 bytes.</param>
    /// <exception cref="InvalidFormatException">Not a ZFile, damaged, or of a kind that nobody writes.</exception>
    public static ZFileHeader Read(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length < Size) throw Error("a header or trailer is cut off");
        bytes = bytes[..Size];
        if (!IsMatch(bytes)) throw Error("this is not a ZFile");
        var flags = (ZFileFlags)ReadUInt64LittleEndian(bytes[32..]);
        if (flags.HasFlag(ZFileFlags.Digest) && ReadUInt32LittleEndian(bytes[DigestOffset..]) != ComputeDigest(bytes))
        {
            throw Error("the digest of the header or trailer is wrong");
        }

        int blockSize = ReadInt32LittleEndian(bytes[72..]);
        if (!ZFileLimits.IsBlockSize(blockSize)) throw Error($"a block size of {(uint)blockSize}");
        if (bytes[76] is not (1 or 2)) throw Error($"the unknown compression algorithm {bytes[76]}");
        if (flags.HasFlag(ZFileFlags.IndexCompressed) || !flags.HasFlag(ZFileFlags.DataFile)) throw Error($"flags 0x{(ulong)flags:x}");
        if (bytes[78] != 0 || ReadUInt32LittleEndian(bytes[84..]) != 0) throw Error("it needs a dictionary");
        ulong offset = ReadUInt64LittleEndian(bytes[40..]);
        ulong blocks = ReadUInt64LittleEndian(bytes[48..]);
        ulong length = ReadUInt64LittleEndian(bytes[56..]);
        if (blocks > ZFileLimits.MaxBlocks) throw Error($"{blocks} blocks");
        if (offset > long.MaxValue / 2) throw Error($"a jump table at {offset}");
        if (length > blocks * (ulong)blockSize || (length + (ulong)blockSize - 1) / (ulong)blockSize != blocks) throw Error($"{blocks} blocks for {length} bytes");
        var header = new ZFileHeader
        {
            Flags = flags,
            IndexOffset = (long)offset,
            BlockCount = (int)blocks,
            ContentLength = (long)length,
            IndexChecksum = ReadUInt32LittleEndian(bytes[64..]),
            BlockSize = blockSize,
            Algorithm = (ZFileAlgorithm)bytes[76],
            HasChecksums = bytes[88] != 0,
        };
        if (header.HasIndex && offset < Size) throw Error($"a jump table at {offset}");
        return header;
    }

    /// <summary>Writes the 512 bytes, with the digest.</summary>
    public void Write(Span<byte> destination)
    {
        Span<byte> bytes = destination[..Size];
        bytes.Clear();
        Magic.CopyTo(bytes);
        WriteInt32LittleEndian(bytes[24..], StructSize);
        WriteUInt64LittleEndian(bytes[32..], (ulong)(Flags | ZFileFlags.Digest));
        WriteInt64LittleEndian(bytes[40..], IndexOffset);
        WriteInt64LittleEndian(bytes[48..], BlockCount);
        WriteInt64LittleEndian(bytes[56..], ContentLength);
        WriteUInt32LittleEndian(bytes[64..], IndexChecksum);
        WriteInt32LittleEndian(bytes[72..], BlockSize);
        bytes[76] = (byte)Algorithm;
        bytes[88] = HasChecksums ? (byte)1 : (byte)0;
        WriteUInt32LittleEndian(bytes[DigestOffset..], ComputeDigest(bytes));
    }

    internal static InvalidFormatException Error(string message, long offset = -1) => new(Format, message, offset);

    private static uint ComputeDigest(ReadOnlySpan<byte> bytes)
    {
        uint register = Crc32C.Raw(bytes[..DigestOffset]);
        register = Crc32C.Raw("\0\0\0\0"u8, register);
        return Crc32C.Raw(bytes[(DigestOffset + sizeof(uint))..], register);
    }
}
