using System.Globalization;

namespace Sluice.Storage.Cache;

/// <summary>An amount of disk space: bytes, or percent of the file system. The default is nothing.</summary>
public readonly record struct DiskShare
{
    private DiskShare(long bytes, int percent) => (Bytes, Percent) = (bytes, percent);

    public long Bytes { get; }

    public int Percent { get; }

    public bool IsNone => Bytes == 0 && Percent == 0;

    public static DiskShare OfBytes(long bytes) => new(bytes, 0);

    /// <param name="percent">0 to 100.</param>
    public static DiskShare OfFileSystem(int percent) => new(0, percent);

    /// <summary>Reads <c>50GiB</c>, <c>500MB</c>, <c>20%</c> or a plain number of bytes; <c>none</c> is nothing.</summary>
    public static bool TryParse(string text, out DiskShare share)
    {
        share = default;
        if (text == "none") return true;
        int digits = text.AsSpan().IndexOfAnyExceptInRange('0', '9');
        if (!long.TryParse(digits < 0 ? text : text[..digits], NumberStyles.None, CultureInfo.InvariantCulture, out long number)) return false;
        string unit = digits < 0 ? "" : text[digits..];
        if (unit == "%")
        {
            share = OfFileSystem((int)Math.Min(number, 100));
            return number <= 100;
        }

        long factor = unit switch
        {
            "" or "B" => 1,
            "kB" => 1_000,
            "MB" => 1_000_000,
            "GB" => 1_000_000_000,
            "TB" => 1_000_000_000_000,
            "KiB" => 1L << 10,
            "MiB" => 1L << 20,
            "GiB" => 1L << 30,
            "TiB" => 1L << 40,
            _ => 0,
        };
        if (factor == 0 || number > long.MaxValue / factor) return false;
        share = OfBytes(number * factor);
        return true;
    }

    /// <param name="total">Bytes of the file system.</param>
    public long In(long total) => Bytes + (total / 100 * Percent);
}
