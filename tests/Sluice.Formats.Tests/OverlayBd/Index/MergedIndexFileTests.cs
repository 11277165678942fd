using System.Buffers.Binary;
using Sluice.Formats.Hashing;
using Sluice.Formats.OverlayBd.Index;
using Sluice.Formats.OverlayBd.Lsmt;

namespace Sluice.Formats.Tests.OverlayBd.Index;

public sealed class MergedIndexFileTests
{
    private static readonly byte[] Identity = [.. Enumerable.Range(0, MergedIndexFile.IdentitySize).Select(i => (byte)(i * 7))];

    [Theory]
    [InlineData(0, 0)]
    [InlineData(1, 0)]
    [InlineData(3, 5)]
    [InlineData(50, 400)]
    public void GivesBackWhatWasWritten(int layers, int extents)
    {
        using MergedIndex index = Make(layers, extents);
        using MergedIndex back = MergedIndexFile.Read(Serialize(index), Identity);
        Assert.Equal(index.Extents, back.Extents);
        Assert.Equal(index.LayerCount, back.LayerCount);
        Assert.Equal(index.VirtualSize, back.VirtualSize);
        Segment[] expected = new Segment[16];
        Segment[] result = new Segment[16];
        Random random = new(3);
        for (int i = 0; i < 500; i++)
        {
            long offset = random.Next(120_000);
            Assert.Equal(index.Lookup(offset, 300, expected), back.Lookup(offset, 300, result));
            Assert.Equal(expected, result);
        }
    }

    [Fact]
    public void RefusesDamagedFiles()
    {
        using MergedIndex index = Make(5, 60);
        byte[] good = Serialize(index);
        Random random = new(2026);
        for (int i = 0; i < 5000; i++)
        {
            byte[] bad = [.. good];
            for (int change = random.Next(3); change >= 0; change--) bad[random.Next(bad.Length)] += (byte)random.Next(1, 256);
            if (!bad.AsSpan().SequenceEqual(good)) AssertRefused(bad);
        }

        for (int length = 0; length < good.Length; length++) AssertRefused(good[..length]);
        AssertRefused([.. good, 0]);
    }

    /// <summary>Wrong values under a right checksum: nothing that <see cref="MergedIndexFile.Write"/> makes, but no reason to crash.</summary>
    [Fact]
    public void RefusesOrReadsForgedFilesWithoutHarm()
    {
        using MergedIndex index = Make(5, 60);
        byte[] good = Serialize(index);
        Random random = new(4711);
        Segment[] result = new Segment[16];
        for (int i = 0; i < 3000; i++)
        {
            byte[] forged = [.. good];
            for (int change = random.Next(3); change >= 0; change--) forged[random.Next(random.Next(2) == 0 ? 64 : forged.Length)] = (byte)random.Next(256);
            Seal(forged);
            try
            {
                using MergedIndex read = MergedIndexFile.Read(forged, Identity);
                Assert.True(read.Lookup(random.NextInt64(LsmtExtent.InvalidOffset), 0, result) == 0);
                Assert.InRange(read.Lookup(random.Next(100_000), 1000, result), 1, result.Length);
            }
            catch (InvalidFormatException)
            {
                // As it should be.
            }
        }
    }

    [Fact]
    public void RefusesTheIndexOfAnotherStack()
    {
        using MergedIndex index = Make(2, 10);
        byte[] other = [.. Identity];
        other[31] ^= 1;
        Assert.Throws<InvalidFormatException>(() => MergedIndexFile.Read(Serialize(index), other));
        Assert.Throws<InvalidFormatException>(() => MergedIndexFile.Read(Serialize(index), []));
    }

    [Theory]
    [InlineData(8, 2)]
    [InlineData(12, 256)]
    [InlineData(12, -1)]
    [InlineData(12, 4)]
    [InlineData(20, -1)]
    [InlineData(24, 1)]
    [InlineData(28, 1)]
    [InlineData(28, -1)]
    public void RefusesEachWrongField(int offset, int value)
    {
        using MergedIndex index = Make(5, 60);
        byte[] bad = Serialize(index);
        BinaryPrimitives.WriteInt32LittleEndian(bad.AsSpan(offset), value);
        Seal(bad);
        AssertRefused(bad);
    }

    private static MergedIndex Make(int layers, int extents)
    {
        Random random = new(layers);
        using MergedIndexBuilder builder = new();
        for (int i = 0; i < layers; i++) builder.AddLayer(RandomLayers.Next(random, 100_000, extents, 50), 100_000 * LsmtExtent.SectorSize);
        return builder.Build();
    }

    private static byte[] Serialize(MergedIndex index)
    {
        byte[] data = new byte[MergedIndexFile.Length(index)];
        MergedIndexFile.Write(index, Identity, data);
        return data;
    }

    private static void Seal(byte[] data) => Blake3.Hash(data.AsSpan(..^32), data.AsSpan(^32..));

    private static void AssertRefused(byte[] data) => Assert.Throws<InvalidFormatException>(() => MergedIndexFile.Read(data, Identity));
}
