namespace Sluice.Formats.Tar;

/// <summary>Unsigned decimal numbers of PAX records and sparse maps.</summary>
internal static class PaxNumber
{
    /// <summary>Digits only, at least one; false above 2^63-1.</summary>
    public static bool TryParse(ReadOnlySpan<byte> text, out long value)
    {
        value = 0;
        if (text.IsEmpty) return false;
        foreach (byte b in text)
        {
            int digit = b - '0';
            if ((uint)digit > 9 || value > (long.MaxValue - digit) / 10) return false;
            value = value * 10 + digit;
        }

        return true;
    }
}
