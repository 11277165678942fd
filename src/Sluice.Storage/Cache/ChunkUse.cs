using System.Numerics;

namespace Sluice.Storage.Cache;

/// <summary>
/// When and how often a chunk was used, in 32 bits: the tick of the last use (24 bits, <see cref="CacheSpace.Now"/>), and in how many ticks it was used, halved for each
/// <see cref="HalfLife"/> without (8 bits). A burst within a tick is one use: what the kernel reads page by page is no more popular than what it reads at once.
/// </summary>
/// <remarks>
/// Chunks go in the order of their <see cref="Age"/>: ticks since the last use, less what the number of uses has earned. With no uses but the first that is LRU; a scan, which uses everything
/// once, does not push out what is used again and again. What it can earn is limited, so that yesterday's favourites leave.
/// </remarks>
internal static class ChunkUse
{
    /// <summary>Ticks; as much as fits into the cache was stored meanwhile.</summary>
    public const int HalfLife = 256;

    /// <summary>Ages are below it.</summary>
    public const int AgeLimit = 2048;

    /// <summary>The first tick: late enough that chunks from before the start have a past.</summary>
    public const uint Start = HalfLife;

    private const int UsesBits = 8;
    private const uint MaxUses = (1 << UsesBits) - 1;
    private const uint TickMask = uint.MaxValue >> UsesBits;
    private const int Bonus = 48;
    private const int MostBonuses = 6;

    /// <summary>Of a chunk that is stored now and that nobody has read.</summary>
    public static uint New(uint now) => now << UsesBits;

    public static uint Next(uint now) => (now + 1) & TickMask;

    /// <summary>True if it was used in this tick already: most uses end here.</summary>
    public static bool IsOf(uint use, uint now) => use >> UsesBits == now;

    /// <summary>Notes a use.</summary>
    public static uint Touch(uint use, uint now) => (now << UsesBits) | Math.Min(UsesAt(use, now) + 1, MaxUses);

    /// <summary>0, to be kept, to <see cref="AgeLimit"/> - 1.</summary>
    public static int Age(uint use, uint now)
    {
        int earned = Bonus * Math.Min(BitOperations.Log2(UsesAt(use, now) + 1), MostBonuses);
        return Math.Clamp((int)Math.Min(Elapsed(use, now), AgeLimit) - earned + (Bonus * MostBonuses), 0, AgeLimit - 1);
    }

    private static uint Elapsed(uint use, uint now) => (now - (use >> UsesBits)) & TickMask;

    private static uint UsesAt(uint use, uint now) => (use & MaxUses) >> (int)Math.Min(Elapsed(use, now) / HalfLife, UsesBits);
}
