using Sluice.Formats.Oci;
using Sluice.Storage.Traces;

namespace Sluice.Storage.Tests.Traces;

public sealed class PlanCursorTests
{
    private const long Kib = 1 << 10;
    private static readonly Digest One = Digest.Sha256("one"u8), Two = Digest.Sha256("two"u8);

    [Fact]
    public void WhatLiesNearAndIsNeededSoonComesAlong() => Assert.Equal(
        [new(One, 0, 900 * Kib), new PlanRange(Two, 0, 64 * Kib), new PlanRange(One, 5000 * Kib, 64 * Kib)],
        Take([new(One, 400 * Kib, 100 * Kib), new(Two, 0, 64 * Kib), new(One, 600 * Kib, 300 * Kib), new(One, 5000 * Kib, 64 * Kib), new(One, 0, 400 * Kib)], most: 4096 * Kib, gap: 100 * Kib, ahead: 1 << 30));

    [Fact]
    public void AGapThatIsTooLargeOrTooMuchAtOnceIsNotTakenAlong() => Assert.Equal(
        [new(One, 0, 64 * Kib), new(One, 165 * Kib, 64 * Kib), new PlanRange(One, 300 * Kib, 500 * Kib)],
        Take([new(One, 0, 64 * Kib), new(One, 165 * Kib, 64 * Kib), new(One, 300 * Kib, 500 * Kib)], most: 512 * Kib, gap: 100 * Kib, ahead: 1 << 30));

    [Fact]
    public void WhatIsNeededLateWaits() => Assert.Equal(
        [new(One, 0, 64 * Kib), new(Two, 0, 512 * Kib), new PlanRange(One, 64 * Kib, 64 * Kib)],
        Take([new(One, 0, 64 * Kib), new(Two, 0, 512 * Kib), new(One, 64 * Kib, 64 * Kib)], most: 4096 * Kib, gap: 0, ahead: 256 * Kib));

    [Fact]
    public void ALongRangeComesInPieces() => Assert.Equal(
        [new(One, 0, 512 * Kib), new(One, 512 * Kib, 512 * Kib), new PlanRange(One, 1024 * Kib, 140 * Kib)],
        Take([new(One, 0, 1100 * Kib), new(One, 1064 * Kib, 100 * Kib)], most: 512 * Kib, gap: 0, ahead: 0));

    [Fact]
    public void PiecesEndWhereUnitsDo()
    {
        PlanCursor cursor = new([new(One, 0, 1500 * Kib), new(Two, 0, 600 * Kib)], (range, place) => range.Blob == One ? (place + (1000 * Kib) - 1) / (1000 * Kib) * 1000 * Kib : 4000 * Kib);
        List<PlanRange> taken = [];
        while (cursor.TryTake(512 * Kib, 0, 0, out PlanRange range)) taken.Add(range);
        Assert.Equal([new(One, 0, 1000 * Kib), new(One, 1000 * Kib, 500 * Kib), new PlanRange(Two, 0, 600 * Kib)], taken);
    }

    [Fact]
    public void GapsAreASmallPartOfAllThatIsFetched()
    {
        List<PlanRange> taken = Take([.. Enumerable.Range(0, 1000).Select(index => new PlanRange(One, index * 100 * Kib, 10 * Kib))], most: 4096 * Kib, gap: 128 * Kib, ahead: 1 << 30);
        Assert.InRange(taken.Sum(range => range.Length), 10_000 * Kib, 11_250 * Kib);
    }

    [Fact]
    public void NothingIsLostOfAnyPlan()
    {
        Random random = new(5);
        for (int round = 0; round < 50; round++)
        {
            PlanRange[] plan = [.. Enumerable.Range(0, 300).Select(_ => new PlanRange(random.Next(2) == 0 ? One : Two, random.Next(1 << 24), random.Next(1, 1 << 20)))];
            long most = random.Next(64 << 10, 4 << 20);
            List<PlanRange> taken = Take(plan, most, random.Next(128 << 10), random.Next(32 << 20));
            Assert.All(taken, range => Assert.InRange(range.Length, 1, most));
            foreach (PlanRange range in plan)
            {
                long known = range.Offset;
                while (known < range.End) known = taken.Where(piece => piece.Blob == range.Blob && piece.Offset <= known).Max(piece => piece.End) is var end && end > known ? end : throw new InvalidOperationException($"{range}");
            }
        }
    }

    private static List<PlanRange> Take(PlanRange[] plan, long most, long gap, long ahead)
    {
        PlanCursor cursor = new(plan);
        List<PlanRange> taken = [];
        while (cursor.TryTake(most, gap, ahead, out PlanRange range)) taken.Add(range);
        return taken;
    }
}
