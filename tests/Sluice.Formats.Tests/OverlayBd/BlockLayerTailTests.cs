using Sluice.Formats.OverlayBd;
using Sluice.Formats.OverlayBd.Lsmt;
using Sluice.Formats.OverlayBd.ZFile;

namespace Sluice.Formats.Tests.OverlayBd;

public sealed class BlockLayerTailTests
{
    [Theory]
    [InlineData("tar/ext4_layer1.tar", 1536, true, false)]
    [InlineData("tar/ext4_layer2.tar", 1536, true, false)]
    [InlineData("tar/ext4_layer3.tar", 1536, true, false)]
    [InlineData("lsmt/layer0.lsmt", 0, false, false)]
    [InlineData("lsmt/layer1.lsmt", 0, false, false)]
    [InlineData("lsmt/sealed_rw_layer1.lsmt", 0, false, false)]
    [InlineData("turbo/ext4.fs.meta", 0, true, true)]
    public void Golden_layers_open_from_their_tail(string name, int payload, bool compressed, bool warp)
    {
        byte[] blob = GoldenFiles.Read(name);
        using BlockLayer layer = Open(blob, warp, out int requests);
        Assert.Equal(1, requests);
        Assert.Equal(payload, layer.PayloadOffset);
        Assert.Equal(compressed, layer.ZFile is not null);
        byte[] file = blob[payload..];
        if (compressed)
        {
            bool isTar = TarWrapper.TryRead(blob, blob.Length, out TarWrapper wrapper);
            file = ZFileTests.Decode(isTar ? file[..(int)wrapper.PayloadLength] : file);
        }

        var expected = new LsmtFile(file, warp);
        Assert.Equal(expected.Trailer, layer.Trailer);
        Assert.Equal(expected.Extents, layer.Extents);
        Assert.Equal(file.Length, layer.Length);
        CheckRanges(layer, blob, file);
    }

    [Theory]
    [InlineData(false, 0)]
    [InlineData(true, 0)]
    [InlineData(true, 512)]
    [InlineData(true, 1536)]
    [InlineData(false, 512)]
    [InlineData(false, 1536)]
    public void Large_layers_need_two_requests(bool compressed, int payload)
    {
        byte[] blob = MakeLayer(compressed, payload, sectors: 150_000, extents: 10_000, out byte[] lsmt);
        using BlockLayer layer = Open(blob, warp: false, out int requests, firstRead: 24 << 10);
        Assert.Equal(2, requests);
        Assert.Equal(payload, layer.PayloadOffset);
        Assert.Equal(new LsmtFile(lsmt).Extents, layer.Extents);
        CheckRanges(layer, blob, lsmt);
    }

    [Fact]
    public void An_index_of_unusual_size_costs_one_more_request()
    {
        byte[] blob = MakeLayer(true, 1536, sectors: 200_000, extents: 100_000, out byte[] lsmt);
        using BlockLayer layer = Open(blob, warp: false, out int requests, firstRead: 24 << 10);
        Assert.Equal(3, requests);
        Assert.Equal(new LsmtFile(lsmt).Extents, layer.Extents);
    }

    [Fact]
    public void Other_blobs_are_refused()
    {
        Assert.Throws<InvalidFormatException>(() => BlockLayerTail.TryRead(new byte[100_000], 100_000, out _));
        Assert.Throws<InvalidFormatException>(() => BlockLayerTail.TryRead([], 0, out _));
        byte[] blob = MakeLayer(true, 0, 1000, 10, out _);
        Assert.Throws<InvalidFormatException>(() => BlockLayerTail.TryRead([.. blob, 1], blob.Length + 1, out _));
        Assert.Throws<InvalidFormatException>(() => BlockLayerTail.TryRead(blob.AsSpan(..^1), blob.Length - 1, out _));
        Assert.Throws<InvalidFormatException>(() => BlockLayerTail.TryRead([.. new byte[7], .. blob], blob.Length + 7, out _));
    }

    private static BlockLayer Open(byte[] blob, bool warp, out int requests, int firstRead = BlockLayerTail.FirstRead)
    {
        long from = Math.Max(0, blob.Length - firstRead);
        for (requests = 1; ; requests++)
        {
            Assert.True(requests < 5);
            long before = from;
            if (BlockLayerTail.TryRead(blob.AsSpan((int)from..), blob.Length, out from, warp) is { } layer) return layer;
            Assert.InRange(from, 0, before - 1);
        }
    }

    private static void CheckRanges(BlockLayer layer, byte[] blob, byte[] file)
    {
        var random = new Random(1);
        byte[] scratch = new byte[65536];
        for (int i = 0; i < 50; i++)
        {
            int position = random.Next(file.Length);
            int length = random.Next(1, Math.Min(100_000, file.Length - position + 1));
            BlockLayerRange range = layer.Locate(position, length);
            byte[] content = new byte[length];
            ReadOnlySpan<byte> stored = blob.AsSpan((int)range.Offset, (int)range.Length);
            if (layer.ZFile is null) stored.CopyTo(content);
            else layer.ZFile.Decode(stored, range.Offset - layer.PayloadOffset, position, content, scratch);
            Assert.True(file.AsSpan(position, length).SequenceEqual(content));
        }
    }

    private static byte[] MakeLayer(bool compressed, int payload, int sectors, int extents, out byte[] lsmt)
    {
        var random = new Random(2);
        byte[] data = new byte[sectors / extents * 512];
        using var plain = new MemoryStream();
        var writer = new LsmtLayerWriter(plain, new LsmtLayerOptions { VirtualSize = 1 << 30, UserTag = "made here" });
        for (int i = 0; i < extents; i++)
        {
            random.NextBytes(data);
            writer.Write(i * (data.Length / 512 + 1L), data);
        }

        writer.Complete();
        lsmt = plain.ToArray();
        using var output = new MemoryStream();
        Stream target = payload == 0 ? output : new TarWrapperWriter(output, plain: payload == 512);
        if (compressed)
        {
            var zfile = new ZFileWriter(target, new ZFileOptions());
            zfile.Write(lsmt);
            zfile.Complete();
        }
        else
        {
            target.Write(lsmt);
        }

        if (target is TarWrapperWriter tar) tar.Complete();
        return output.ToArray();
    }
}
