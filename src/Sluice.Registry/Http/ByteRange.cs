using System.Globalization;

namespace Sluice.Registry.Http;

/// <summary>A part of some content: its offset and its length in bytes.</summary>
internal readonly record struct ByteRange(long Offset, long Length)
{
    private const string Unit = "bytes=";

    /// <summary>
    /// Parses a Range header (RFC 9110, section 14.2) for content of <paramref name="size"/> bytes. Several ranges, other
    /// units and bad syntax are ignored, as the RFC allows: the answer is then the whole.
    /// </summary>
    /// <returns>The range; null for the whole; an empty range if nothing of it is in the content (416).</returns>
    public static ByteRange? Parse(string? header, long size)
    {
        if (header is null || !header.StartsWith(Unit, StringComparison.OrdinalIgnoreCase)) return null;
        ReadOnlySpan<char> text = header.AsSpan(Unit.Length).Trim();
        int dash = text.IndexOf('-');
        if (dash < 0) return null;
        if (dash == 0)
        {
            if (!TryParse(text[1..], out long last)) return null;
            return new ByteRange(Math.Max(0, size - last), Math.Min(last, size));
        }

        if (!TryParse(text[..dash], out long first)) return null;
        long end = size;
        if (dash + 1 < text.Length)
        {
            if (!TryParse(text[(dash + 1)..], out end) || end < first) return null;
            end = Math.Min(size, end == long.MaxValue ? end : end + 1);
        }

        return new ByteRange(first, Math.Max(0, end - first));
    }

    /// <summary>Parses the Content-Range of a chunk that is pushed: <c>first-last</c>, both inclusive.</summary>
    public static ByteRange? ParseContent(string header)
    {
        int dash = header.IndexOf('-', StringComparison.Ordinal);
        return dash > 0 && TryParse(header.AsSpan(0, dash), out long first) && TryParse(header.AsSpan(dash + 1), out long last) && last >= first && last < long.MaxValue
            ? new ByteRange(first, last - first + 1)
            : null;
    }

    private static bool TryParse(ReadOnlySpan<char> text, out long value) =>
        long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out value);
}
