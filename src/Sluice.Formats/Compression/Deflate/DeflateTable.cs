using System.Runtime.InteropServices;

namespace Sluice.Formats.Compression.Deflate;

/// <summary>
/// A table that decodes one alphabet of a deflate block: the next bits of the input are the index, longer codes go on in a part
/// behind the first one. An entry says what a code means and how many bits it takes.
/// <code>
///  0..7   bits to drop: of the code and of the extra bits behind it (in a second part without those of the first)
///  8..11  bits of the code alone; of a link, how many bits are the index of its second part
/// 13      end of the block   14 link to a second part   15 one of these, or no valid code
/// 16..30  the literal, the least length or distance, or where the second part begins
/// 31      literal
/// </code>
/// </summary>
internal sealed unsafe class DeflateTable : IDisposable
{
    public const uint Literal = 1u << 31;
    public const uint Exceptional = 1u << 15;
    public const uint Link = 1u << 14;
    public const uint EndOfBlock = 1u << 13;

    private const int MaxBits = 15;
    private const int MaxSymbols = 288;

    private readonly int _bits;
    private readonly int _size;

    /// <param name="bits">Bits of the first index.</param>
    /// <param name="size">Room for all parts, for any complete code (zlib's examples/enough.c): 2342 for 286 symbols and 11 bits, 402 for 30 and 8.</param>
    public DeflateTable(int bits, int size)
    {
        _bits = bits;
        _size = size;
        Entries = (uint*)NativeMemory.Alloc((nuint)size, sizeof(uint));
    }

    public uint* Entries { get; private set; }

    public uint Mask => (1u << _bits) - 1;

    /// <summary>Builds the table for codes of these lengths, 0 to 15 bits.</summary>
    /// <param name="meanings">Entries of the symbols, without the bits of their codes.</param>
    /// <param name="mayLack">There may be no code at all, or only one, of one bit.</param>
    /// <returns>False if these are no lengths of a code: too many, or too few.</returns>
    public bool TryBuild(ReadOnlySpan<byte> lengths, ReadOnlySpan<uint> meanings, bool mayLack)
    {
        Span<ushort> next = stackalloc ushort[MaxBits + 2];
        if (!TryCount(lengths, next, out int longest, out bool complete) || !(complete || (mayLack && longest <= 1))) return false;
        Span<ushort> codes = stackalloc ushort[MaxSymbols];
        for (int symbol = 0; symbol < lengths.Length; symbol++)
        {
            int length = lengths[symbol];
            if (length > 0) codes[symbol] = Reverse(next[length]++, length);
        }

        var first = new Span<uint>(Entries, 1 << _bits);
        if (longest <= 1) first.Fill(Exceptional);
        int end = first.Length;
        if (longest > _bits && !TryLink(lengths, codes, first, ref end)) return false;
        for (int symbol = 0; symbol < lengths.Length; symbol++)
        {
            int length = lengths[symbol];
            if (length == 0) continue;
            if (length <= _bits)
            {
                Fill(first, codes[symbol], length, meanings[symbol]);
                continue;
            }

            uint link = first[codes[symbol] & (int)Mask];
            Fill(new Span<uint>(Entries + (link >> 16), 1 << (int)(link >> 8 & 7)), codes[symbol] >> _bits, length - _bits, meanings[symbol]);
        }

        return true;
    }

    public void Dispose()
    {
        NativeMemory.Free(Entries);
        Entries = null;
    }

    /// <summary>The first code of every length (RFC 1951, 3.2.2).</summary>
    private static bool TryCount(ReadOnlySpan<byte> lengths, Span<ushort> next, out int longest, out bool complete)
    {
        complete = false;
        Span<int> counts = stackalloc int[MaxBits + 1];
        counts.Clear();
        foreach (byte length in lengths) counts[length]++;
        longest = 0;
        int left = 1, code = 0;
        for (int length = 1; length <= MaxBits; length++)
        {
            next[length] = (ushort)code;
            code = (code + counts[length]) << 1;
            left = (left << 1) - counts[length];
            if (left < 0) return false;
            if (counts[length] > 0) longest = length;
        }

        complete = left == 0;
        return true;
    }

    /// <summary>Lays out the second parts: as wide as the longest code that begins with the same bits needs.</summary>
    private bool TryLink(ReadOnlySpan<byte> lengths, ReadOnlySpan<ushort> codes, Span<uint> first, ref int end)
    {
        first.Clear();
        for (int symbol = 0; symbol < lengths.Length; symbol++)
        {
            if (lengths[symbol] <= _bits) continue;
            ref uint link = ref first[codes[symbol] & (int)Mask];
            link = Math.Max(link, (uint)(lengths[symbol] - _bits));
        }

        for (int i = 0; i < first.Length; i++)
        {
            int width = (int)first[i];
            if (width == 0) continue;
            if (end + (1 << width) > _size) return false;
            first[i] = Exceptional | Link | ((uint)end << 16) | ((uint)width << 8) | (uint)_bits;
            end += 1 << width;
        }

        return true;
    }

    private static void Fill(Span<uint> part, int code, int length, uint meaning)
    {
        uint entry = meaning + (uint)length + ((meaning & (Literal | Exceptional)) == 0 ? (uint)length << 8 : 0);
        for (int i = code; i < part.Length; i += 1 << length) part[i] = entry;
    }

    private static ushort Reverse(int code, int length)
    {
        uint value = (uint)code;
        value = ((value & 0x5555) << 1) | (value >> 1 & 0x5555);
        value = ((value & 0x3333) << 2) | (value >> 2 & 0x3333);
        value = ((value & 0x0F0F) << 4) | (value >> 4 & 0x0F0F);
        value = ((value & 0x00FF) << 8) | (value >> 8 & 0x00FF);
        return (ushort)(value >> (16 - length));
    }
}
