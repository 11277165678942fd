using System.Text;

namespace Sluice.Formats.Rafs.Blobs;

/// <summary>
/// The 512-byte GNU tar header that follows each section of a blob: name, size, checksum, type <c>'0'</c> and magic; mode,
/// owner and device fields are NUL. The header comes <em>after</em> its data and nothing is padded, so a blob is read backwards.
/// </summary>
/// <remarks>
/// <code>
/// 0    100  name, NUL-padded
/// 124   12  size, 11 octal digits, NUL
/// 136   12  mtime, eleven '0', NUL
/// 148    8  checksum, 7 octal digits, NUL
/// 156    1  type '0'
/// 257    8  "ustar  " NUL
/// </code>
/// </remarks>
public static class BlobTarHeader
{
    public const int Size = 512;

    private const int SizeOffset = 124;
    private const int TimeOffset = 136;
    private const int ChecksumOffset = 148;
    private const int ChecksumLength = 8;
    private const int TypeOffset = 156;
    private const int MagicOffset = 257;

    private static ReadOnlySpan<byte> Magic => "ustar  \0"u8;

    /// <summary>Writes a header over the first 512 bytes of <paramref name="destination"/>.</summary>
    /// <param name="size">Bytes of the section before the header; below 8 GiB fits in octal, above it GNU's base-256 form is used.</param>
    public static void Write(Span<byte> destination, string name, long size)
    {
        Span<byte> header = destination[..Size];
        header.Clear();
        Encoding.ASCII.GetBytes(name, header[..100]);
        WriteSize(header.Slice(SizeOffset, 12), size);
        WriteOctal(header.Slice(TimeOffset, 11), 0);
        header[TypeOffset] = (byte)'0';
        Magic.CopyTo(header[MagicOffset..]);
        WriteOctal(header.Slice(ChecksumOffset, ChecksumLength - 1), Checksum(header));
    }

    /// <summary>True if the 512 bytes are a header whose checksum holds.</summary>
    public static bool TryRead(ReadOnlySpan<byte> header, out string name, out long size)
    {
        name = "";
        size = 0;
        if (header.Length != Size || !header.Slice(MagicOffset, Magic.Length).SequenceEqual(Magic)) return false;
        if (!TryReadOctal(header.Slice(ChecksumOffset, ChecksumLength), out long checksum) || checksum != Checksum(header)) return false;
        if (!TryReadSize(header.Slice(SizeOffset, 12), out size)) return false;
        ReadOnlySpan<byte> text = header[..100];
        int end = text.IndexOf((byte)0);
        name = Encoding.ASCII.GetString(end < 0 ? text : text[..end]);
        return true;
    }

    private static long Checksum(ReadOnlySpan<byte> header)
    {
        long sum = ChecksumLength * ' ';
        for (int i = 0; i < Size; i++)
        {
            if (i is < ChecksumOffset or >= ChecksumOffset + ChecksumLength) sum += header[i];
        }

        return sum;
    }

    private static void WriteSize(Span<byte> field, long size)
    {
        if (size < 1L << 33)
        {
            WriteOctal(field[..11], size);
            return;
        }

        field[0] = 0x80;
        System.Buffers.Binary.BinaryPrimitives.WriteInt64BigEndian(field[4..], size);
    }

    private static bool TryReadSize(ReadOnlySpan<byte> field, out long size)
    {
        if (field[0] != 0x80) return TryReadOctal(field, out size);
        size = System.Buffers.Binary.BinaryPrimitives.ReadInt64BigEndian(field[4..]);
        return size >= 0 && !field[1..4].ContainsAnyExcept((byte)0);
    }

    private static void WriteOctal(Span<byte> digits, long value)
    {
        for (int i = digits.Length - 1; i >= 0; i--, value >>= 3) digits[i] = (byte)('0' + (value & 7));
    }

    private static bool TryReadOctal(ReadOnlySpan<byte> field, out long value)
    {
        value = 0;
        int end = field.IndexOfAny((byte)0, (byte)' ');
        ReadOnlySpan<byte> digits = end < 0 ? field : field[..end];
        foreach (byte digit in digits)
        {
            if (digit is < (byte)'0' or > (byte)'7') return false;
            value = (value << 3) | (uint)(digit - '0');
        }

        return digits.Length > 0;
    }
}
