namespace Sluice.Formats.Tar;

/// <summary>Sum of a header's bytes with the checksum field taken as eight blanks.</summary>
internal static class TarChecksum
{
    public static int Unsigned(ReadOnlySpan<byte> block)
    {
        int sum = ' ' * TarLayout.Checksum.Length;
        foreach (byte b in block) sum += b;
        foreach (byte b in TarLayout.Checksum.Of(block)) sum -= b;
        return sum;
    }

    /// <summary>The sum that writers with a signed <c>char</c> made.</summary>
    public static int Signed(ReadOnlySpan<byte> block)
    {
        int sum = ' ' * TarLayout.Checksum.Length;
        foreach (byte b in block) sum += (sbyte)b;
        foreach (byte b in TarLayout.Checksum.Of(block)) sum -= (sbyte)b;
        return sum;
    }

    public static bool Matches(ReadOnlySpan<byte> block) =>
        TarNumber.TryParse(TarLayout.Checksum.Of(block), out long stored) && (stored == Unsigned(block) || stored == Signed(block));

    /// <summary>Six octal digits, NUL, blank: the form every tar writes.</summary>
    public static void Write(Span<byte> block)
    {
        Span<byte> field = TarLayout.Checksum.Of(block);
        TarNumber.TryFormatOctal(Unsigned(block), field[..7]);
        field[7] = (byte)' ';
    }
}
