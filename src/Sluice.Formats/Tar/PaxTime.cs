using System.Buffers.Text;
using Sluice.Formats.Trees;

namespace Sluice.Formats.Tar;

/// <summary>PAX times: decimal seconds, possibly negative, possibly with a fraction.</summary>
internal static class PaxTime
{
    private const uint NanosecondsPerSecond = 1_000_000_000;

    /// <summary>Digits beyond the ninth are dropped (towards the past).</summary>
    public static bool TryParse(ReadOnlySpan<byte> text, out FileTime time)
    {
        time = default;
        bool negative = !text.IsEmpty && text[0] == (byte)'-';
        if (negative) text = text[1..];
        int point = text.IndexOf((byte)'.');
        ReadOnlySpan<byte> whole = point < 0 ? text : text[..point];
        ReadOnlySpan<byte> fraction = point < 0 ? default : text[(point + 1)..];
        if (!PaxNumber.TryParse(whole, out long seconds) || fraction.ContainsAnyExceptInRange((byte)'0', (byte)'9')) return false;

        uint nanoseconds = 0;
        for (int i = 0; i < 9; i++) nanoseconds = nanoseconds * 10 + (i < fraction.Length ? (uint)(fraction[i] - '0') : 0);
        if (!negative)
        {
            time = new FileTime(seconds, nanoseconds);
            return true;
        }

        bool dropped = fraction.Length > 9 && fraction[9..].ContainsAnyExcept((byte)'0');
        if (dropped) nanoseconds++;
        time = nanoseconds == 0
            ? new FileTime(-seconds, 0)
            : nanoseconds == NanosecondsPerSecond ? new FileTime(-seconds - 1, 0) : new FileTime(-seconds - 1, NanosecondsPerSecond - nanoseconds);
        return true;
    }

    /// <summary>The shortest exact form; at most 31 bytes.</summary>
    public static int Format(FileTime time, Span<byte> text)
    {
        bool negative = time.Seconds < 0;
        Int128 seconds = time.Seconds;
        uint nanoseconds = time.Nanoseconds;
        if (negative)
        {
            seconds = nanoseconds == 0 ? -seconds : -seconds - 1;
            nanoseconds = nanoseconds == 0 ? 0 : NanosecondsPerSecond - nanoseconds;
        }

        int length = 0;
        if (negative) text[length++] = (byte)'-';
        Utf8Formatter.TryFormat((ulong)seconds, text[length..], out int digits);
        length += digits;
        if (nanoseconds == 0) return length;

        text[length++] = (byte)'.';
        Utf8Formatter.TryFormat(nanoseconds, text[length..], out _, new System.Buffers.StandardFormat('D', 9));
        length += 9;
        while (text[length - 1] == (byte)'0') length--;
        return length;
    }
}
