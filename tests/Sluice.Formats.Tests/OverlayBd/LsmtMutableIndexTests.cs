using Sluice.Formats.OverlayBd.Lsmt;

namespace Sluice.Formats.Tests.OverlayBd;

public sealed class LsmtMutableIndexTests
{
    [Theory]
    [InlineData(1, 300, 20, 3000)]
    [InlineData(2, 20_000, 60, 20_000)]
    [InlineData(3, 60_000, 3, 40_000)]
    [InlineData(4, 20_000, 3000, 3000)]
    public void Agrees_with_an_array_of_sectors(int seed, int sectors, int longest, int rounds)
    {
        // 0: not here; -1: zeros; else the sector in the file.
        long[] model = new long[sectors];
        var index = new LsmtMutableIndex();
        var random = new Random(seed);
        long end = 8;
        for (int round = 0; round < rounds; round++)
        {
            int offset = random.Next(sectors);
            int count = Math.Min(random.Next(1, longest + 1), sectors - offset);
            switch (random.Next(10))
            {
                case 0:
                    index.Remove(offset, count);
                    model.AsSpan(offset, count).Clear();
                    break;
                case 1:
                    index.InsertZeros(offset, count, end);
                    model.AsSpan(offset, count).Fill(-1);
                    break;
                default:
                    index.Insert(new LsmtExtent(offset, count, end));
                    for (int i = 0; i < count; i++) model[offset + i] = end + i;
                    end += count;
                    break;
            }

            if (round % (rounds / 10) == 0) Check(index, model, random);
        }

        Check(index, model, random);
        index.Remove(0, sectors);
        Assert.Equal(0, index.Count);
        Assert.Empty(index.ToArray());
        index.Insert(new LsmtExtent(5, 1, 9));
        Assert.Equal([new LsmtExtent(5, 1, 9)], index.ToArray());
    }

    [Fact]
    public void Sequential_writes_become_one_extent_and_zeros_are_split()
    {
        var index = new LsmtMutableIndex();
        for (int i = 0; i < 4096; i++) index.Insert(new LsmtExtent(i * 8L, 8, 8 + (i * 8L)));
        Assert.Equal((4096 * 8 / LsmtExtent.MaxLength) + 1, index.Count);
        index.Remove(0, 1 << 20);
        index.InsertZeros(100, 40_000, 77);
        Assert.Equal([(100L, 16383), (16483L, 16383), (32866L, 7234)], index.ToArray().Select(extent => (extent.Offset, extent.Length)));
    }

    [Fact]
    public void A_million_extents_take_logarithmic_time()
    {
        // Quadratic time would take minutes: the bound is that this ends.
        var index = new LsmtMutableIndex();
        var random = new Random(9);
        for (int i = 0; i < 1_000_000; i++) index.Insert(new LsmtExtent(random.NextInt64(1L << 32) * 2, 1, 8 + (2L * i)));
        LsmtExtent[] all = index.ToArray();
        Assert.Equal(index.Count, all.Length);
        for (int i = 1; i < all.Length; i++) Assert.True(all[i - 1].End <= all[i].Offset);
        Span<LsmtExtent> found = stackalloc LsmtExtent[1];
        for (int i = 0; i < all.Length; i += 101)
        {
            Assert.Equal(1, index.Lookup(all[i].Offset, 1, found));
            Assert.Equal(all[i], found[0]);
        }
    }

    private static void Check(LsmtMutableIndex index, long[] model, Random random)
    {
        long[] seen = new long[model.Length];
        LsmtExtent[] all = index.ToArray();
        Assert.Equal(index.Count, all.Length);
        for (int i = 0; i < all.Length; i++)
        {
            if (i > 0) Assert.True(all[i - 1].End <= all[i].Offset);
            Fill(seen, all[i]);
        }

        Assert.True(model.AsSpan().SequenceEqual(seen));
        for (int i = 0; i < 50; i++)
        {
            int offset = random.Next(model.Length);
            int count = random.Next(1, model.Length - offset + 1);
            var found = new LsmtExtent[random.Next(1, 40)];
            int n = index.Lookup(offset, count, found);
            long end = n == found.Length ? found[^1].End : offset + count;
            Array.Clear(seen);
            foreach (LsmtExtent extent in found.AsSpan(0, n)) Fill(seen, extent);
            Assert.True(model.AsSpan(offset, (int)(end - offset)).SequenceEqual(seen.AsSpan(offset, (int)(end - offset))));
            Assert.All(found.Take(n), extent => Assert.True(extent.Offset >= offset && extent.End <= offset + count));
        }
    }

    private static void Fill(long[] sectors, LsmtExtent extent)
    {
        for (int i = 0; i < extent.Length; i++) sectors[extent.Offset + i] = extent.IsZeroed ? -1 : extent.MappedOffset + i;
    }
}
