using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;
using Sluice.Formats.Hashing;
using Sluice.Formats.Oci;

namespace Sluice.Storage.Cache;

/// <summary>
/// The chunk map file of a cached blob: a header page, then pages of <see cref="ChunkRecord"/>. Little-endian, pages of 4096 bytes.
/// <code>
/// header  0  8  magic "SLUICMAP"
///         8  4  version 2
///        12  4  CRC-32C of the page with this field zero
///        16  8  bytes of the blob space
///        24  4  chunk numbers (records)
///        28  4  flags: 1 = closed cleanly, every stored chunk was verified
///        32 32  zeros
///        64  8  blob tag: first 8 bytes of SHA-256 of the blob's digest text
///        72  1  bytes of the digest text, then the text; zeros to the end
/// page    0  4  CRC-32C of bytes 4..4095
///         4  4  page number, from 0
///         8  8  blob tag
///        16 4080 255 records of 16 bytes; zeros for a chunk that is not stored
/// </code>
/// </summary>
internal static class ChunkMapLayout
{
    public const int PageSize = 4096;
    public const int PageHeader = 16;
    public const int RecordsPerPage = (PageSize - PageHeader) / ChunkRecord.Size;
    public const uint CleanFlag = 1;

    public const uint Version = 2; // 1 had bits in place of records

    private const ulong Magic = 0x50414D4349554C53; // "SLUICMAP"

    public static int PageCount(int records) => (int)(((long)records + RecordsPerPage - 1) / RecordsPerPage);

    public static ulong BlobTag(Digest blob) =>
        BinaryPrimitives.ReadUInt64LittleEndian(SHA256.HashData(Encoding.ASCII.GetBytes(blob.ToString())));

    public static void WriteHeader(Span<byte> page, Digest blob, long length, int records, uint flags)
    {
        page[..PageSize].Clear();
        BinaryPrimitives.WriteUInt64LittleEndian(page, Magic);
        BinaryPrimitives.WriteUInt32LittleEndian(page[8..], Version);
        BinaryPrimitives.WriteInt64LittleEndian(page[16..], length);
        BinaryPrimitives.WriteInt32LittleEndian(page[24..], records);
        BinaryPrimitives.WriteUInt32LittleEndian(page[28..], flags);
        BinaryPrimitives.WriteUInt64LittleEndian(page[64..], BlobTag(blob));
        page[72] = (byte)Encoding.ASCII.GetBytes(blob.ToString(), page[73..]);
        BinaryPrimitives.WriteUInt32LittleEndian(page[12..], Checksum(page));
    }

    /// <summary>True if the page is an intact header of exactly this blob and geometry.</summary>
    public static bool IsHeaderOf(ReadOnlySpan<byte> page, Digest blob, long length, int records)
    {
        Span<byte> expected = stackalloc byte[PageSize];
        WriteHeader(expected, blob, length, records, Flags(page));
        return page.SequenceEqual(expected);
    }

    public static uint Flags(ReadOnlySpan<byte> page) => BinaryPrimitives.ReadUInt32LittleEndian(page[28..]);

    /// <summary>Completes a page whose records are in place.</summary>
    public static void SealPage(Span<byte> page, int number, ulong blobTag)
    {
        BinaryPrimitives.WriteInt32LittleEndian(page[4..], number);
        BinaryPrimitives.WriteUInt64LittleEndian(page[8..], blobTag);
        BinaryPrimitives.WriteUInt32LittleEndian(page, Crc32C.Compute(page[4..PageSize]));
    }

    public static bool IsPage(ReadOnlySpan<byte> page, int number, ulong blobTag) =>
        BinaryPrimitives.ReadInt32LittleEndian(page[4..]) == number
        && BinaryPrimitives.ReadUInt64LittleEndian(page[8..]) == blobTag
        && BinaryPrimitives.ReadUInt32LittleEndian(page) == Crc32C.Compute(page[4..PageSize]);

    /// <summary>Where a record lies in its page.</summary>
    public static int PositionOf(int number) => PageHeader + (number % RecordsPerPage * ChunkRecord.Size);

    private static uint Checksum(ReadOnlySpan<byte> header)
    {
        Span<byte> copy = stackalloc byte[PageSize];
        header[..PageSize].CopyTo(copy);
        BinaryPrimitives.WriteUInt32LittleEndian(copy[12..], 0);
        return Crc32C.Compute(copy);
    }
}
