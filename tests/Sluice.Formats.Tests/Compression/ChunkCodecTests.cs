using System.Diagnostics;
using Sluice.Formats.Compression;
using Sluice.Testing;

namespace Sluice.Formats.Tests.Compression;

public sealed class ChunkCodecTests
{
    public static TheoryData<Compressor> Codecs => [Compressor.Lz4Block, Compressor.Zstd, Compressor.Gzip];

    [Theory]
    [MemberData(nameof(Codecs))]
    public void GivesBackWhatItTook(Compressor compressor)
    {
        Random random = new(11);
        foreach (int length in (int[])[2000, 4096, 65_537, 1 << 20])
        {
            byte[] source = Samples.Text(random, length);
            byte[] compressed = new byte[ChunkCodec.MaxCompressedLength(compressor, length)];
            foreach (int level in (int[])[0, 1, 9])
            {
                int size = ChunkCodec.Compress(compressor, source, compressed, level);
                Assert.InRange(size, 1, length - 1);
                byte[] back = new byte[length];
                ChunkCodec.Decompress(compressor, compressed.AsSpan(0, size), back);
                Assert.Equal(source, back);
            }
        }
    }

    [Theory]
    [MemberData(nameof(Codecs))]
    public void RefusesToGrow(Compressor compressor)
    {
        byte[] noise = new byte[5000];
        new Random(2).NextBytes(noise);
        Assert.Equal(-1, ChunkCodec.Compress(compressor, noise, new byte[ChunkCodec.MaxCompressedLength(compressor, noise.Length)]));
        Assert.Equal(-1, ChunkCodec.Compress(compressor, noise, new byte[10]));
        Assert.Equal(-1, ChunkCodec.Compress(compressor, [], new byte[100]));
        Assert.Equal(-1, ChunkCodec.Compress(Compressor.None, noise, new byte[5000]));
    }

    [Theory]
    [MemberData(nameof(Codecs))]
    public void IsDeterministicWhateverCameBefore(Compressor compressor)
    {
        byte[] source = Samples.Text(new Random(8), 300_000);
        byte[] first = Compress(compressor, source, 0);
        foreach (int level in (int[])[9, 1, 0])
        {
            Compress(compressor, Samples.Text(new Random(level), 1 << 20), level);
            Assert.Equal(first, Compress(compressor, source, 0));
        }
    }

    [Fact]
    public void ZstdLevelsAreThoseOfTheTool()
    {
        byte[] source = Samples.Text(new Random(8), 300_000);
        Assert.Equal(Compress(Compressor.Zstd, source, 3), Compress(Compressor.Zstd, source, ChunkCodec.DefaultLevel));
        Assert.NotEqual(Compress(Compressor.Zstd, source, 1).Length, Compress(Compressor.Zstd, source, 3).Length);
    }

    [Theory]
    [MemberData(nameof(Codecs))]
    public void WrongLengthsAreErrors(Compressor compressor)
    {
        byte[] source = Samples.Text(new Random(4), 10_000);
        byte[] compressed = Compress(compressor, source, 0);
        foreach (int length in (int[])[0, 1, 9_999, 10_001, 20_000])
            Assert.Throws<InvalidFormatException>(() => ChunkCodec.Decompress(compressor, compressed, new byte[length]));
        foreach (int length in (int[])[0, 1, 17, compressed.Length - 1])
            Assert.Throws<InvalidFormatException>(() => ChunkCodec.Decompress(compressor, compressed.AsSpan(0, length), new byte[10_000]));
        Assert.Throws<InvalidFormatException>(() => ChunkCodec.Decompress(compressor, [.. compressed, 7, 7, 7, 7, 7], new byte[10_000]));
        Assert.Throws<InvalidFormatException>(() => ChunkCodec.Decompress(Compressor.None, source, new byte[9_999]));
    }

    [Theory]
    [MemberData(nameof(Codecs))]
    public void HostileInputIsOneTypedError(Compressor compressor)
    {
        byte[] compressed = Compress(compressor, Samples.Text(new Random(4), 20_000), 0);
        byte[] back = new byte[20_000];
        Random random = new(99);
        for (int i = 0; i < 2000; i++)
        {
            byte[] mutated = Samples.Mutate(random, compressed);
            try
            {
                ChunkCodec.Decompress(compressor, mutated, back);
            }
            catch (InvalidFormatException)
            {
                // Expected; other exceptions fail the test.
            }
        }
    }

    [Fact]
    public void TwoZstdFramesAreNotAChunk()
    {
        byte[] frame = Compress(Compressor.Zstd, new byte[1000], 0);
        InvalidFormatException e = Assert.Throws<InvalidFormatException>(
            () => ChunkCodec.Decompress(Compressor.Zstd, [.. frame, .. frame], new byte[2000]));
        Assert.Equal(frame.Length, e.Offset);
    }

    [Fact]
    public void SeveralGzipMembersAreOneChunk()
    {
        byte[] text = Samples.Text(new Random(1), 3000);
        byte[] member = Compress(Compressor.Gzip, text, 0);
        byte[] back = new byte[6000];
        ChunkCodec.Decompress(Compressor.Gzip, [.. member, .. member], back);
        Assert.Equal([.. text, .. text], back);
    }

    [Theory]
    [MemberData(nameof(Codecs))]
    public void AllocatesNothing(Compressor compressor)
    {
        byte[] source = Samples.Text(new Random(1), 100_000);
        byte[] compressed = new byte[ChunkCodec.MaxCompressedLength(compressor, source.Length)];
        int size = ChunkCodec.Compress(compressor, source, compressed);
        ChunkCodec.Decompress(compressor, compressed.AsSpan(0, size), source);
        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int i = 0; i < 10; i++)
        {
            ChunkCodec.Compress(compressor, source, compressed);
            ChunkCodec.Decompress(compressor, compressed.AsSpan(0, size), source);
        }

        // Tests run beside this one: they may hold the pooled contexts for a moment.
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 2000);
    }

    [Fact]
    public void TheGoldenTocBlobHoldsTheGoldenFrame()
    {
        byte[] frame = File.ReadAllBytes(Golden.Path("nydus/2fa78cad554b75ac91a4a125ed148d0ddeb25efa4aaa8bd80e5dc292690a4dca.zst"));
        using ZstdDecompressionStream stream = new(new MemoryStream(frame));
        using MemoryStream content = new();
        stream.CopyTo(content);
        byte[] back = new byte[content.Length];
        ChunkCodec.Decompress(Compressor.Zstd, frame, back);
        Assert.Equal(content.ToArray(), back);
    }

    private static byte[] Compress(Compressor compressor, byte[] source, int level)
    {
        byte[] compressed = new byte[ChunkCodec.MaxCompressedLength(compressor, source.Length)];
        int size = ChunkCodec.Compress(compressor, source, compressed, level);
        Debug.Assert(size > 0);
        return compressed[..size];
    }
}
