using System.Numerics;
using System.Runtime.InteropServices;

namespace Sluice.Formats.Ext4;

/// <summary>Bits of a bitmap block, bit 0 of byte 0 first; the span's length is a multiple of 8.</summary>
internal static class Bitmap
{
    /// <summary>The first clear bit at or behind <paramref name="from"/>, or <paramref name="end"/>.</summary>
    public static int NextClear(ReadOnlySpan<byte> bitmap, int from, int end) => Next(bitmap, from, end, ulong.MaxValue);

    /// <summary>The first set bit at or behind <paramref name="from"/>, or <paramref name="end"/>.</summary>
    public static int NextSet(ReadOnlySpan<byte> bitmap, int from, int end) => Next(bitmap, from, end, 0);

    public static bool IsSet(ReadOnlySpan<byte> bitmap, int bit) => (bitmap[bit >> 3] >> (bit & 7) & 1) != 0;

    public static void Set(Span<byte> bitmap, int from, int count) => Change(bitmap, from, count, set: true);

    public static void Clear(Span<byte> bitmap, int from, int count) => Change(bitmap, from, count, set: false);

    private static int Next(ReadOnlySpan<byte> bitmap, int from, int end, ulong flip)
    {
        ReadOnlySpan<ulong> words = MemoryMarshal.Cast<byte, ulong>(bitmap);
        for (int bit = from; bit < end; bit = (bit | 63) + 1)
        {
            ulong word = (words[bit >> 6] ^ flip) & (ulong.MaxValue << (bit & 63));
            if (word != 0) return Math.Min(end, (bit & ~63) + BitOperations.TrailingZeroCount(word));
        }

        return end;
    }

    private static void Change(Span<byte> bitmap, int from, int count, bool set)
    {
        Span<ulong> words = MemoryMarshal.Cast<byte, ulong>(bitmap);
        for (int bit = from, end = from + count; bit < end; bit = (bit | 63) + 1)
        {
            ulong mask = ulong.MaxValue << (bit & 63);
            if ((bit | 63) >= end) mask &= ulong.MaxValue >> (64 - (end & 63));
            ref ulong word = ref words[bit >> 6];
            word = set ? word | mask : word & ~mask;
        }
    }
}
