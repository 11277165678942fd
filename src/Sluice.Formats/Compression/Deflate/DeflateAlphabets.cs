namespace Sluice.Formats.Compression.Deflate;

/// <summary>What the symbols of deflate mean, as entries of a <see cref="DeflateTable"/> without code lengths. Source: RFC 1951, 3.2.5 to 3.2.7.</summary>
internal static class DeflateAlphabets
{
    private const int EndOfBlock = 256;

    public static readonly uint[] Literals = MakeLiterals();
    public static readonly uint[] Distances = MakeDistances();

    /// <summary>Lengths of codes: the symbol itself.</summary>
    public static readonly uint[] Lengths = [.. Enumerable.Range(0, 19).Select(symbol => (uint)symbol << 16)];

    /// <summary>The order in which the lengths of the code lengths' codes are stored.</summary>
    public static ReadOnlySpan<byte> LengthOrder => [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];

    private static uint[] MakeLiterals()
    {
        uint[] meanings = new uint[288];
        for (uint value = 0; value < EndOfBlock; value++) meanings[value] = DeflateTable.Literal | (value << 16);
        meanings[EndOfBlock] = DeflateTable.Exceptional | DeflateTable.EndOfBlock;
        uint length = 3;
        for (int symbol = EndOfBlock + 1; symbol < 285; symbol++)
        {
            int extra = symbol < 265 ? 0 : (symbol - 261) / 4;
            meanings[symbol] = (length << 16) | (uint)extra;
            length += 1u << extra;
        }

        meanings[285] = 258 << 16;
        meanings[286] = meanings[287] = DeflateTable.Exceptional;
        return meanings;
    }

    private static uint[] MakeDistances()
    {
        uint[] meanings = new uint[32];
        uint distance = 1;
        for (int symbol = 0; symbol < 30; symbol++)
        {
            int extra = symbol < 4 ? 0 : (symbol - 2) / 2;
            meanings[symbol] = (distance << 16) | (uint)extra;
            distance += 1u << extra;
        }

        meanings[30] = meanings[31] = DeflateTable.Exceptional;
        return meanings;
    }
}
