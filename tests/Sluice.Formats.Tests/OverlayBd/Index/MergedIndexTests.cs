using Sluice.Formats.OverlayBd.Index;
using Sluice.Formats.OverlayBd.Lsmt;

namespace Sluice.Formats.Tests.OverlayBd.Index;

public sealed class MergedIndexTests
{
    [Theory]
    [InlineData(1, 0, 0)]
    [InlineData(2, 1, 1)]
    [InlineData(3, 2, 30)]
    [InlineData(4, 3, 100)]
    [InlineData(5, 9, 200)]
    [InlineData(6, 50, 60)]
    [InlineData(7, 255, 20)]
    [InlineData(8, 4, 3000)]
    public void AnswersAsIfLayersWerePaintedOverEachOther(int seed, int layers, int extents)
    {
        Random random = new(seed);
        SectorModel model = new(20_000);
        using MergedIndexBuilder builder = new();
        for (int i = 0; i < layers; i++)
        {
            LsmtExtent[] layer = RandomLayers.Next(random, model.Sectors, random.Next(extents + 1), longest: random.Next(1, 60));
            builder.AddLayer(layer, 0);
            model.AddLayer(layer);
        }

        using MergedIndex index = builder.Build();
        Assert.Equal(layers, index.LayerCount);
        AssertOrdered(index.Extents);
        Segment[] segments = new Segment[16];
        Segment[] scalar = new Segment[16];
        for (int i = 0; i < 3000; i++)
        {
            long offset = random.Next(model.Sectors + 100);
            int sectors = random.Next(200);
            int room = random.Next(segments.Length + 1);
            int count = index.Lookup<VectorSearch>(offset, sectors, segments.AsSpan(0, room));
            model.Check(offset, segments.AsSpan(0, count));
            Assert.Equal(count, index.Lookup<ScalarSearch>(offset, sectors, scalar.AsSpan(0, room)));
            Assert.Equal(segments.AsSpan(0, count), scalar.AsSpan(0, count));
            int covered = segments.Take(count).Sum(segment => segment.Sectors);
            Assert.True(covered == sectors || (count == room && covered < sectors));
        }
    }

    /// <summary>Trees of every height up to 5, and of full and just overfull nodes.</summary>
    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    [InlineData(4)]
    [InlineData(63)]
    [InlineData(64)]
    [InlineData(65)]
    [InlineData(1024)]
    [InlineData(1025)]
    [InlineData(16_384)]
    [InlineData(16_385)]
    [InlineData(300_001)]
    public void FindsEveryExtent(int count)
    {
        LsmtExtent[] extents = [.. Enumerable.Range(0, count).Select(i => new LsmtExtent(5 + (10L * i), 4, 8 + (7L * i)))];
        using MergedIndex index = Merge(extents);
        Assert.Equal(count, index.Extents.Length);
        Segment[] result = new Segment[3];
        foreach (LsmtExtent extent in extents)
        {
            Assert.Equal(2, index.Lookup<VectorSearch>(extent.Offset - 1, 2, result));
            Assert.Equal([new Segment(0, 1, Segment.Zeros), new Segment(extent.MappedOffset, 1, 0)], result[..2]);
            Assert.Equal(2, index.Lookup<ScalarSearch>(extent.End - 1, 2, result));
            Assert.Equal([new Segment(extent.MappedOffset + 3, 1, 0), new Segment(0, 1, Segment.Zeros)], result[..2]);
        }
    }

    /// <summary>Keys of 32 bits do not tell neighbours apart any more.</summary>
    [Theory]
    [InlineData(1L << 32)]
    [InlineData((1L << 32) - 3)]
    [InlineData(1L << 36)]
    [InlineData(LsmtExtent.InvalidOffset - 1)]
    public void WorksOnDevicesOfAnySize(long sectors)
    {
        Random random = new(11);
        List<LsmtExtent> extents = [];
        for (int cluster = 0; cluster < 40; cluster++)
            foreach (LsmtExtent extent in RandomLayers.Next(random, 2000, 100, 6))
                extents.Add(new LsmtExtent((sectors / 40 * cluster) + extent.Offset, extent.Length, extent.MappedOffset + (10_000L * cluster)));
        extents.Add(new LsmtExtent(sectors - 1, 1, 8));
        using MergedIndex index = Merge([.. extents]);
        Segment[] result = new Segment[1];
        foreach (LsmtExtent extent in extents)
        {
            index.Lookup<VectorSearch>(extent.Offset, extent.Length, result);
            Assert.Equal(extent.MappedOffset, result[0].MappedOffset);
            index.Lookup<ScalarSearch>(extent.End - 1, 1, result);
            Assert.Equal(extent.MappedOffset + extent.Length - 1, result[0].MappedOffset);
        }
    }

    [Fact]
    public void JoinsWhatContinuesInTheSameLayer()
    {
        using MergedIndex index = Merge(
            [new(0, 10, 100), new(10, 5, 110), new(15, 5, 200), new(20, 4, 8, zeroed: true), new(24, 4, 9, zeroed: true)],
            [new(40, 16_000, 8), new(16_040, 383, 16_008), new(16_423, 1, 16_391)]);
        Assert.Equal(
            [new(0, 15, 100), new(15, 5, 200), new(20, 8, 8, zeroed: true), new(40, 16_383, 8, layer: 1), new(16_423, 1, 16_391, layer: 1)],
            index.Extents);
    }

    [Fact]
    public void AZeroedExtentHidesAndAGapDoesNot()
    {
        using MergedIndex index = Merge([new(0, 100, 1000)], [], [new(10, 10, 8, zeroed: true), new(30, 10, 500)]);
        Segment[] result = new Segment[8];
        int count = index.Lookup(5, 100, result);
        Assert.Equal(
            [new(1005, 5, 0), new(0, 10, Segment.Zeros), new(1020, 10, 0), new(500, 10, 2), new(1040, 60, 0), new(0, 5, Segment.Zeros)],
            result[..count]);
    }

    [Fact]
    public void TheTopMostLayerThatSaysSoGivesTheSize()
    {
        using MergedIndexBuilder builder = new();
        foreach (long size in (long[])[4096, 8192, 0, 0]) builder.AddLayer([], size);
        using MergedIndex index = builder.Build();
        Assert.Equal(8192, index.VirtualSize);
        Assert.Equal(4, index.LayerCount);
        Assert.Equal(1, index.Lookup(7, 3, new Segment[2]));
    }

    [Fact]
    public void RefusesIndexesThatAreNone()
    {
        using MergedIndexBuilder builder = new();
        LsmtExtent padding = new(LsmtExtent.InvalidOffset, 0, 0);
        foreach (LsmtExtent[] bad in (LsmtExtent[][])[
            [new(10, 5, 8), new(9, 1, 8)], [new(10, 5, 8), new(14, 1, 8)], [new(3, 0, 8)], [new(LsmtExtent.InvalidOffset - 1, 2, 8)]])
        {
            using MergedIndexBuilder other = new();
            Assert.Throws<InvalidFormatException>(() => other.AddLayer(bad, 0));
        }

        builder.AddLayer([padding, new(1, 1, 8), padding, new(2, 1, 8), padding], 0);
        for (int i = 1; i < MergedIndex.MaxLayers; i++) builder.AddLayer([], 0);
        Assert.Throws<InvalidFormatException>(() => builder.AddLayer([], 0));
    }

    [Fact]
    public void RefusesRequestsThatAreNone()
    {
        MergedIndex index = Merge([new LsmtExtent(0, 1, 8)]);
        Segment[] result = new Segment[1];
        Assert.Throws<ArgumentOutOfRangeException>(() => index.Lookup(-1, 1, result));
        Assert.Throws<ArgumentOutOfRangeException>(() => index.Lookup(0, -1, result));
        Assert.Throws<ArgumentOutOfRangeException>(() => index.Lookup(LsmtExtent.InvalidOffset, 1, result));
        Assert.Equal(1, index.Lookup(LsmtExtent.InvalidOffset - 1, 1, result));
        Assert.Equal(0, index.Lookup(0, 0, result));
        index.Dispose();
        index.Dispose();
        Assert.Throws<ObjectDisposedException>(() => index.Lookup(0, 1, result));
    }

    private static MergedIndex Merge(params LsmtExtent[][] layers)
    {
        using MergedIndexBuilder builder = new();
        foreach (LsmtExtent[] layer in layers) builder.AddLayer(layer, 0);
        return builder.Build();
    }

    private static void AssertOrdered(ReadOnlySpan<LsmtExtent> extents)
    {
        for (int i = 1; i < extents.Length; i++)
        {
            Assert.True(extents[i - 1].End <= extents[i].Offset);
            Assert.False(extents[i - 1].IsContinuedBy(extents[i]));
        }
    }
}
