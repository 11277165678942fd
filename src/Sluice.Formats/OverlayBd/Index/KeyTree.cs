using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Sluice.Formats.OverlayBd.Lsmt;

namespace Sluice.Formats.OverlayBd.Index;

/// <summary>
/// A static B+ tree over sorted extents without pointers: finds the group of 4 extents (a cache line) where a look-up begins.
/// Level 0 has a 32-bit key for each group, every level above one for each 16 keys below it; a node is 16 keys, a cache line.
/// 1.07 bytes an extent; a million extents make 5 levels.
/// </summary>
/// <remarks>
/// A key is the offset of the group's first extent, in units of 2^shift sectors, rounded up: a key at most that of a request
/// (rounded down) then is an offset at most the request's. The shift is 0 for devices below 2 TiB; with it a search may end
/// before the right group, by less than 2^shift extents (the shift is at most 18), never behind it. Keys are kept as signed numbers (top bit turned over), because vectors
/// compare those. The first key of a level is the smallest number, so that every request has a group.
/// </remarks>
internal readonly unsafe struct KeyTree
{
    public const int Fanout = 16;
    public const int GroupSize = 4;

    private const int CacheLine = 64;

    /// <summary>16^7 groups are more than 128 million extents have; the pointers to the levels fill one cache line.</summary>
    private const int MaxHeight = 8;

    /// <summary>Pointers to the levels, the lowest first; the keys stand behind them.</summary>
    private readonly int** _levels;
    private readonly int _height;
    private readonly int _shift;

    /// <param name="extents">Sorted, <paramref name="count"/> of them; padding extents behind them fill the last group.</param>
    public KeyTree(LsmtExtent* extents, int count)
    {
        while (((count == 0 ? 0 : extents[count - 1].End) >> _shift) + 1 >= uint.MaxValue) _shift++;
        int groups = Math.Max(1, (count + GroupSize - 1) / GroupSize);
        _levels = (int**)NativeMemory.AlignedAlloc((nuint)(NodesOfTree(groups) + 1) * CacheLine, CacheLine);
        int* level = (int*)(_levels + MaxHeight);
        for (int group = 1; group < groups; group++) level[group] = Key(extents[group * GroupSize].Offset + (1L << _shift) - 1);
        level[0] = int.MinValue;
        for (int keys = groups; ; keys = Nodes(keys))
        {
            _levels[_height++] = level;
            int* above = level + (Nodes(keys) * Fanout);
            new Span<int>(level + keys, (int)(above - (level + keys))).Fill(int.MaxValue);
            if (keys <= Fanout) return;
            for (int node = 0; node < Nodes(keys); node++) above[node] = level[node * Fanout];
            level = above;
        }
    }

    /// <summary>The last group (for a shift above 0, one that is not behind it) whose first extent begins at or before <paramref name="offset"/>.</summary>
    /// <param name="offset">Below the end of the last extent.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public nint Find<TSearch>(long offset)
        where TSearch : struct, IExtentSearch
    {
        int key = Key(offset);
        nint place = 0;
        for (int level = _height - 1; level >= 0; level--)
            place = (place * Fanout) + TSearch.CountKeys(_levels[level] + (place * Fanout), key) - 1;
        return place;
    }

    public void Free() => NativeMemory.AlignedFree(_levels);

    private static int Nodes(int keys) => (keys + Fanout - 1) / Fanout;

    private static int NodesOfTree(int keys) => keys <= Fanout ? 1 : Nodes(keys) + NodesOfTree(Nodes(keys));

    private int Key(long offset) => (int)((uint)(offset >> _shift) ^ 0x8000_0000);
}
