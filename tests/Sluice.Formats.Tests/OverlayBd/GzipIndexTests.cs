using System.IO.Compression;
using Sluice.Formats.Compression;
using Sluice.Formats.Gzip;
using Sluice.Formats.Tests.Compression;

namespace Sluice.Formats.Tests.OverlayBd;

public sealed class GzipIndexTests
{
    private const int HeaderLength = 10;

    [Fact]
    public void The_golden_index_is_read_and_leads_into_its_file()
    {
        byte[] gzip = GoldenFiles.Read("turbo/layer1.tar.gz");
        GzipIndex index = GzipIndex.Read(GoldenFiles.Read("turbo/gzip.meta"));
        Assert.Equal(gzip.Length, index.CompressedLength);
        byte[] content = GoldenFiles.Read("srctar/layer1.tar");
        Assert.Equal(content.Length, index.Length);
        GzipCheckpoint first = Assert.Single(index.Checkpoints);
        byte[] window = new byte[RawInflater.WindowSize];
        Assert.Equal(window.Length, index.ReadWindow(first, window));
        Assert.Equal(content[..100_000], ReadAt(index, gzip, 0, 100_000));
        Assert.Equal(content[1_000_000..1_000_100], ReadAt(index, gzip, 1_000_000, 100));
        GzipIndex back = GzipIndex.Read(index.Write());
        Assert.Equal(index with { Checkpoints = back.Checkpoints }, back);
        Assert.Equal(window.Length, back.ReadWindow(Assert.Single(back.Checkpoints), window));
    }

    [Theory]
    [InlineData(CompressionLevel.Fastest)]
    [InlineData(CompressionLevel.Optimal)]
    public void Built_indexes_lead_to_every_part(CompressionLevel level)
    {
        byte[] content = Samples.Text(new Random(1), 1_500_000);
        using var stream = new MemoryStream();
        using (var writer = new GZipStream(stream, level, leaveOpen: true)) writer.Write(content);
        byte[] gzip = stream.ToArray();
        GzipIndex index = GzipIndex.Read(Build(gzip, 100_000).Write());
        Assert.InRange(index.Checkpoints.Length, 2, 15);
        var random = new Random(2);
        for (int i = 0; i < 60; i++)
        {
            int position = random.Next(content.Length);
            int length = random.Next(1, Math.Min(200_000, content.Length - position + 1));
            Assert.True(content.AsSpan(position, length).SequenceEqual(ReadAt(index, gzip, position, length)));
        }
    }

    [Fact]
    public void Checkpoints_are_found_by_position()
    {
        var index = new GzipIndex { CompressedLength = 100, Length = 1000, Checkpoints = [new(0, 10, 0, default), new(100, 20, 3, default), new(500, 60, 0, default)] };
        Assert.Equal(0, index.Find(0));
        Assert.Equal(0, index.Find(99));
        Assert.Equal(1, index.Find(100));
        Assert.Equal(2, index.Find(999));
        Assert.Equal(-1, (index with { Checkpoints = [] }).Find(5));
    }

    internal static GzipIndex Build(byte[] gzip, int distance)
    {
        using var builder = new GzipIndexBuilder(HeaderLength, distance);
        byte[] output = new byte[10_000];
        var random = new Random(3);
        while (!builder.Ended)
        {
            int from = (int)builder.CompressedPosition;
            builder.Decode(gzip.AsSpan(from, Math.Min(random.Next(1, 5000), gzip.Length - from)), output, out _);
        }

        return builder.Complete(gzip.Length);
    }

    private static byte[] ReadAt(GzipIndex index, byte[] gzip, long position, int length)
    {
        GzipCheckpoint checkpoint = index.Checkpoints[index.Find(position)];
        byte[] window = new byte[RawInflater.WindowSize];
        int windowLength = index.ReadWindow(checkpoint, window);
        using var inflater = new RawInflater();
        var from = (int)checkpoint.CompressedPosition;
        inflater.Start(checkpoint.Bits, checkpoint.Bits == 0 ? (byte)0 : gzip[from - 1], window.AsSpan(0, windowLength));
        byte[] content = new byte[position - checkpoint.Position + length];
        inflater.Inflate(gzip.AsSpan(from), content, out _, out int written);
        Assert.Equal(content.Length, written);
        return content[^length..];
    }
}
