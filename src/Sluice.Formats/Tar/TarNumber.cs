using System.Buffers.Binary;

namespace Sluice.Formats.Tar;

/// <summary>Numbers of header fields: octal text, or base-256 (big-endian two's complement behind a marker bit).</summary>
internal static class TarNumber
{
    /// <summary>A field of blanks or NULs is 0. False when it is neither notation or does not fit 64 bits.</summary>
    public static bool TryParse(ReadOnlySpan<byte> field, out long value)
    {
        value = 0;
        if (field.IsEmpty) return true;
        return (field[0] & 0x80) != 0 ? TryParseBinary(field, out value) : TryParseOctal(field, out value);
    }

    /// <summary>Writes zero-padded octal digits and a NUL; false when the value is negative or has too many digits.</summary>
    public static bool TryFormatOctal(long value, Span<byte> field)
    {
        if (!FitsOctal(value, field.Length)) return false;
        field[^1] = 0;
        for (int i = field.Length - 2; i >= 0; i--, value >>= 3) field[i] = (byte)('0' + (value & 7));
        return true;
    }

    public static bool FitsOctal(long value, int fieldLength)
    {
        int bits = 3 * (fieldLength - 1);
        return value >= 0 && value >> bits == 0;
    }

    private static bool TryParseOctal(ReadOnlySpan<byte> field, out long value)
    {
        value = 0;
        int i = 0;
        while (i < field.Length && field[i] is (byte)' ' or 0) i++;
        for (; i < field.Length && field[i] is >= (byte)'0' and <= (byte)'7'; i++)
        {
            if (value >> 60 != 0) return false;
            value = (value << 3) | (uint)(field[i] - '0');
        }

        // What follows the terminator is not part of the number: old archives leave rubbish there.
        return i == field.Length || field[i] is (byte)' ' or 0;
    }

    private static bool TryParseBinary(ReadOnlySpan<byte> field, out long value)
    {
        bool negative = (field[0] & 0x40) != 0;
        byte filler = negative ? (byte)0xFF : (byte)0;
        Span<byte> number = stackalloc byte[8];
        number.Fill(filler);
        ReadOnlySpan<byte> low = field.Length > 8 ? field[^8..] : field;
        low.CopyTo(number[^low.Length..]);
        if (field.Length <= 8) number[8 - field.Length] = (byte)(negative ? field[0] : field[0] & 0x7F);
        value = BinaryPrimitives.ReadInt64BigEndian(number);
        if (field.Length <= 8) return true;

        if ((field[0] | 0x80) != (filler | 0x80) || value < 0 != negative) return false;
        return !field[1..^8].ContainsAnyExcept(filler);
    }
}
