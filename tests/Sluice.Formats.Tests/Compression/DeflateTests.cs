using System.IO.Compression;
using Sluice.Formats.Compression;
using Sluice.Formats.Hashing;

namespace Sluice.Formats.Tests.Compression;

/// <summary>Our decoder of deflate beside libz: the same bytes, and the same streams refused.</summary>
public sealed class DeflateTests
{
    public static TheoryData<int> Seeds => [.. Enumerable.Range(1, 30)];

    [Theory]
    [MemberData(nameof(Seeds))]
    public void WhatAnyCompressorMakesIsDecoded(int seed)
    {
        Random random = new(seed);
        byte[] content = Content(random, random.Next(600_000));
        foreach (ZLibCompressionStrategy strategy in Enum.GetValues<ZLibCompressionStrategy>())
        {
            foreach (int level in (int[])[0, 1, 6, 9])
            {
                byte[] gzip = Compress(content, new ZLibCompressionOptions { CompressionLevel = level, CompressionStrategy = strategy });
                Assert.Equal(content, Samples.ReadAll(new GzipDecompressionStream(new MemoryStream(gzip))));
            }
        }
    }

    [Theory]
    [MemberData(nameof(Seeds))]
    public void DamagedStreamsAreRefusedAsLibzRefusesThem(int seed)
    {
        Random random = new(seed);
        byte[] content = Content(random, 3_000);
        byte[] gzip = Compress(content, new ZLibCompressionOptions { CompressionLevel = random.Next(10), CompressionStrategy = (ZLibCompressionStrategy)random.Next(5) });
        byte[] deflate = gzip[10..^8];
        byte[] expected = new byte[1 << 20];
        int decoded = 0;
        for (int i = 0; i < 400; i++)
        {
            byte[] damaged = Damage(random, deflate);
            int length = WithLibz(damaged, expected);
            byte[] whole = [.. gzip[..10], .. damaged, .. Trailer(expected.AsSpan(0, Math.Max(0, length)))];
            if (length >= 0)
            {
                decoded++;
                Assert.Equal(expected[..length], Samples.ReadAll(new GzipDecompressionStream(new MemoryStream(whole))));
            }
            else
            {
                Assert.Throws<InvalidFormatException>(() => Samples.ReadAll(new GzipDecompressionStream(new MemoryStream(whole))));
            }
        }

        Assert.True(decoded < 400);
    }

    [Theory]
    [InlineData(0x08)]
    [InlineData(0x10)]
    [InlineData(0x04)]
    [InlineData(0x02)]
    [InlineData(0x1F)]
    public void HeadersMayHaveMore(int flags)
    {
        byte[] gzip = Compress([1, 2, 3], new ZLibCompressionOptions());
        List<byte> header = [0x1F, 0x8B, 8, (byte)flags, .. gzip[4..10]];
        if ((flags & 4) != 0) header.AddRange([5, 0, 1, 2, 3, 4, 5]);
        if ((flags & 8) != 0) header.AddRange([.. "name"u8, 0]);
        if ((flags & 16) != 0) header.AddRange([.. "comment"u8, 0]);
        if ((flags & 2) != 0)
        {
            uint crc = Crc32.Compute([.. header]);
            header.AddRange([(byte)crc, (byte)(crc >> 8)]);
        }

        byte[] source = [.. header, .. gzip[10..]];
        Assert.Equal([1, 2, 3], Samples.ReadAll(new GzipDecompressionStream(new MemoryStream(source))));
        for (int length = 1; length < source.Length; length++) Assert.Throws<InvalidFormatException>(() => Samples.ReadAll(new GzipDecompressionStream(new MemoryStream(source[..length]))));
        if ((flags & 2) == 0) return;
        source[header.Count - 1] ^= 1;
        Assert.Throws<InvalidFormatException>(() => Samples.ReadAll(new GzipDecompressionStream(new MemoryStream(source))));
    }

    [Fact]
    public void AHeaderWithoutEndIsAnError()
    {
        byte[] source = new byte[1 << 20];
        source.AsSpan().Fill((byte)'x');
        ((ReadOnlySpan<byte>)[0x1F, 0x8B, 8, 8, 0, 0, 0, 0, 0, 3]).CopyTo(source);
        Assert.Throws<InvalidFormatException>(() => Samples.ReadAll(new GzipDecompressionStream(new MemoryStream(source))));
    }

    [Fact]
    public void TheChecksumIsThatOfGzip()
    {
        Assert.Equal(0xCBF43926u, Crc32.Compute("123456789"u8));
        Random random = new(1);
        byte[] data = new byte[3000];
        random.NextBytes(data);
        for (int length = 0; length < data.Length; length += 1 + random.Next(17))
        {
            uint expected = ~Crc32.Step(data.AsSpan(0, length), uint.MaxValue);
            int half = random.Next(length + 1);
            Assert.Equal(expected, Crc32.Compute(data.AsSpan(0, length)));
            Assert.Equal(expected, Crc32.Compute(data.AsSpan(half, length - half), Crc32.Compute(data.AsSpan(0, half))));
        }
    }

    /// <summary>Runs, repetitions near and far, noise: every length and distance.</summary>
    private static byte[] Content(Random random, int length)
    {
        byte[] content = new byte[length];
        for (int at = 0; at < length;)
        {
            int count = Math.Min(length - at, 1 + random.Next(random.Next(2) == 0 ? 20 : 2000));
            Span<byte> part = content.AsSpan(at, count);
            switch (random.Next(4))
            {
                case 0: random.NextBytes(part); break;
                case 1: part.Fill((byte)random.Next(256)); break;
                case 2: for (int i = 0; i < count; i++) part[i] = (byte)(random.Next(1 + random.Next(100))); break;
                default:
                    int distance = 1 + random.Next(Math.Max(1, Math.Min(at, random.Next(3) == 0 ? 10 : 40_000)));
                    for (int i = 0; i < count && at > 0; i++) part[i] = content[at + i - Math.Min(distance, at)];
                    break;
            }

            at += count;
        }

        return content;
    }

    private static byte[] Damage(Random random, byte[] deflate)
    {
        byte[] damaged = [.. deflate];
        if (damaged.Length == 0) return damaged;
        int bits = random.Next(1, 4);
        for (int i = 0; i < bits; i++) damaged[random.Next(random.Next(2) == 0 ? Math.Min(60, damaged.Length) : damaged.Length)] ^= (byte)(1 << random.Next(8));
        return damaged;
    }

    /// <returns>Bytes decoded if the stream ends exactly at the end of the input; else -1.</returns>
    private static int WithLibz(byte[] deflate, byte[] output)
    {
        using RawInflater inflater = new();
        inflater.Start();
        try
        {
            return inflater.Inflate(deflate, output, out int consumed, out int written) && consumed == deflate.Length ? written : -1;
        }
        catch (InvalidFormatException)
        {
            return -1;
        }
    }

    private static byte[] Trailer(ReadOnlySpan<byte> content)
    {
        byte[] trailer = new byte[8];
        BitConverter.TryWriteBytes(trailer, Crc32.Compute(content));
        BitConverter.TryWriteBytes(trailer.AsSpan(4), content.Length);
        return trailer;
    }

    private static byte[] Compress(byte[] content, ZLibCompressionOptions options)
    {
        using MemoryStream packed = new();
        using (GZipStream gzip = new(packed, options, leaveOpen: true)) gzip.Write(content);
        if (content.Length == 0) return [0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 3, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        return packed.ToArray();
    }
}
