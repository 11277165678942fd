using System.Numerics;

namespace Sluice.Build.OverlayBd;

/// <summary>A set of block numbers; memory grows with the ranges that are in use, a bit for each block.</summary>
internal sealed class BlockSet
{
    private const int PageShift = 15;
    private const int PageMask = (1 << PageShift) - 1;

    private readonly Dictionary<long, ulong[]> _pages = [];

    public bool Contains(long block) => _pages.TryGetValue(block >> PageShift, out ulong[]? page) && (page[(block & PageMask) >> 6] >> (int)(block & 63) & 1) != 0;

    public void Add(long block, long count)
    {
        for (long end = block + count; block < end; block++)
        {
            if (!_pages.TryGetValue(block >> PageShift, out ulong[]? page)) _pages.Add(block >> PageShift, page = new ulong[1 << (PageShift - 6)]);
            page[(block & PageMask) >> 6] |= 1UL << (int)(block & 63);
        }
    }

    public void Remove(long block)
    {
        if (_pages.TryGetValue(block >> PageShift, out ulong[]? page)) page[(block & PageMask) >> 6] &= ~(1UL << (int)(block & 63));
    }

    public void Clear() => _pages.Clear();

    /// <summary>Adds all of another set.</summary>
    public void UnionWith(BlockSet other)
    {
        foreach ((long number, ulong[] page) in other._pages)
        {
            if (!_pages.TryGetValue(number, out ulong[]? own)) _pages.Add(number, own = new ulong[page.Length]);
            for (int i = 0; i < page.Length; i++) own[i] |= page[i];
        }
    }

    /// <summary>All blocks, in no order.</summary>
    public IEnumerable<long> Blocks()
    {
        foreach ((long number, ulong[] page) in _pages)
        {
            for (int i = 0; i < page.Length; i++)
            {
                for (ulong bits = page[i]; bits != 0; bits &= bits - 1) yield return (number << PageShift) + (i << 6) + BitOperations.TrailingZeroCount(bits);
            }
        }
    }
}
