using System.Buffers.Binary;
using System.Numerics;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text;
using Sluice.Formats.Oci;

namespace Sluice.Storage.Cache;

/// <summary>
/// The chunk map file of a cached blob: a header page, then pages of the bitmap. Little-endian, pages of 4096 bytes.
/// <code>
/// header  0  8  magic "SLUICMAP"
///         8  4  version 1
///        12  4  CRC-32C of the page with this field zero
///        16  8  bytes of the blob space
///        24  4  chunk numbers (bits)
///        28  4  flags: 1 = closed cleanly, every set bit was verified
///        32 32  SHA-256 of the chunk identities at the clean close
///        64  8  blob tag: first 8 bytes of SHA-256 of the blob's digest text
///        72  1  bytes of the digest text, then the text; zeros to the end
/// page    0  4  CRC-32C of bytes 4..4095
///         4  4  page number, from 0
///         8  8  blob tag
///        16 4080 bits, least significant first
/// </code>
/// </summary>
internal static class ChunkMapLayout
{
    public const int PageSize = 4096;
    public const int PageHeader = 16;
    public const int BitsPerPage = (PageSize - PageHeader) * 8;
    public const uint CleanFlag = 1;

    private const ulong Magic = 0x50414D4349554C53; // "SLUICMAP"
    private const uint Version = 1;

    public static int PageCount(int bits) => (int)(((long)bits + BitsPerPage - 1) / BitsPerPage);

    public static ulong BlobTag(Digest blob) =>
        BinaryPrimitives.ReadUInt64LittleEndian(SHA256.HashData(Encoding.ASCII.GetBytes(blob.ToString())));

    public static void WriteHeader(Span<byte> page, Digest blob, long length, int bits, uint flags, ReadOnlySpan<byte> identities)
    {
        page[..PageSize].Clear();
        BinaryPrimitives.WriteUInt64LittleEndian(page, Magic);
        BinaryPrimitives.WriteUInt32LittleEndian(page[8..], Version);
        BinaryPrimitives.WriteInt64LittleEndian(page[16..], length);
        BinaryPrimitives.WriteInt32LittleEndian(page[24..], bits);
        BinaryPrimitives.WriteUInt32LittleEndian(page[28..], flags);
        identities.CopyTo(page[32..]);
        BinaryPrimitives.WriteUInt64LittleEndian(page[64..], BlobTag(blob));
        page[72] = (byte)Encoding.ASCII.GetBytes(blob.ToString(), page[73..]);
        BinaryPrimitives.WriteUInt32LittleEndian(page[12..], Checksum(page));
    }

    /// <summary>True if the page is an intact header of exactly this blob and geometry.</summary>
    public static bool IsHeaderOf(ReadOnlySpan<byte> page, Digest blob, long length, int bits)
    {
        Span<byte> expected = stackalloc byte[PageSize];
        WriteHeader(expected, blob, length, bits, Flags(page), page.Slice(32, 32));
        return page.SequenceEqual(expected);
    }

    public static uint Flags(ReadOnlySpan<byte> page) => BinaryPrimitives.ReadUInt32LittleEndian(page[28..]);

    public static ReadOnlySpan<byte> Identities(ReadOnlySpan<byte> page) => page.Slice(32, 32);

    /// <summary>Completes a page whose bits are in place.</summary>
    public static void SealPage(Span<byte> page, int number, ulong blobTag)
    {
        BinaryPrimitives.WriteInt32LittleEndian(page[4..], number);
        BinaryPrimitives.WriteUInt64LittleEndian(page[8..], blobTag);
        BinaryPrimitives.WriteUInt32LittleEndian(page, Crc32C(page[4..PageSize]));
    }

    public static bool IsPage(ReadOnlySpan<byte> page, int number, ulong blobTag) =>
        BinaryPrimitives.ReadInt32LittleEndian(page[4..]) == number
        && BinaryPrimitives.ReadUInt64LittleEndian(page[8..]) == blobTag
        && BinaryPrimitives.ReadUInt32LittleEndian(page) == Crc32C(page[4..PageSize]);

    private static uint Checksum(ReadOnlySpan<byte> header)
    {
        Span<byte> copy = stackalloc byte[PageSize];
        header[..PageSize].CopyTo(copy);
        BinaryPrimitives.WriteUInt32LittleEndian(copy[12..], 0);
        return Crc32C(copy);
    }

    private static uint Crc32C(ReadOnlySpan<byte> bytes)
    {
        uint crc = uint.MaxValue;
        ReadOnlySpan<uint> words = MemoryMarshal.Cast<byte, uint>(bytes);
        foreach (uint word in words) crc = BitOperations.Crc32C(crc, word);
        return ~crc;
    }
}
