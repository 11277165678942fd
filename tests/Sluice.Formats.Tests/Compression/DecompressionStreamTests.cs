using System.IO.Compression;
using Sluice.Formats.Compression;
using Sluice.Testing;

namespace Sluice.Formats.Tests.Compression;

public sealed class DecompressionStreamTests
{
    private static readonly byte[] Text = Samples.Text(new Random(7), 400_000);

    public static TheoryData<Compressor> Codecs => [Compressor.Zstd, Compressor.Gzip];

    [Theory]
    [MemberData(nameof(Codecs))]
    public async Task ReadsMembersInPartsOfAnySize(Compressor compressor)
    {
        byte[] member = Compress(compressor, Text);
        byte[] source = [.. member, .. Compress(compressor, []), .. member];
        byte[] expected = [.. Text, .. Text];
        Assert.Equal(expected, Samples.ReadAll(Open(compressor, new Trickle(source, new Random(3)))));

        using MemoryStream content = new();
        await using DecompressionStream stream = Open(compressor, new Trickle(source, new Random(4)));
        await stream.CopyToAsync(content, 1000, TestContext.Current.CancellationToken);
        Assert.Equal(expected, content.ToArray());
        Assert.Equal(source.Length, stream.SourcePosition);
    }

    [Theory]
    [MemberData(nameof(Codecs))]
    public void EveryTruncationIsAnError(Compressor compressor)
    {
        byte[] source = Compress(compressor, Text.AsSpan(0, 2000).ToArray());
        for (int length = 0; length < source.Length; length++)
        {
            byte[] cut = source[..length];
            Assert.Throws<InvalidFormatException>(() => Samples.ReadAll(Open(compressor, new MemoryStream(cut))));
            byte[] second = [.. source, .. cut];
            if (length > 0) Assert.Throws<InvalidFormatException>(() => Samples.ReadAll(Open(compressor, new MemoryStream(second))));
        }
    }

    [Theory]
    [MemberData(nameof(Codecs))]
    public void TrailingBytesAreAnErrorThatNamesThem(Compressor compressor)
    {
        byte[] source = Compress(compressor, Text);
        foreach (byte[] garbage in (byte[][])[[1], [0x1F], [0x1F, 0x8B, 7], "garbage that is long enough"u8.ToArray(), [0, 0, 0, 9]])
        {
            InvalidFormatException e = Assert.Throws<InvalidFormatException>(
                () => Samples.ReadAll(Open(compressor, new MemoryStream([.. source, .. garbage]))));
            Assert.InRange(e.Offset, source.Length, source.Length + garbage.Length);
        }
    }

    [Fact]
    public void ZeroBytesAfterTheLastGzipMemberArePadding()
    {
        byte[] source = [.. Compress(Compressor.Gzip, Text), .. new byte[200_000]];
        Assert.Equal(Text, Samples.ReadAll(Open(Compressor.Gzip, new MemoryStream(source))));
    }

    [Fact]
    public void ACorruptChecksumIsAnError()
    {
        byte[] source = Compress(Compressor.Gzip, Text);
        source[^6] ^= 1;
        Assert.Throws<InvalidFormatException>(() => Samples.ReadAll(Open(Compressor.Gzip, new MemoryStream(source))));
    }

    [Fact]
    public void SkippableZstdFramesAreSkipped()
    {
        byte[] skippable = [0x50, 0x2A, 0x4D, 0x18, 3, 0, 0, 0, 1, 2, 3];
        byte[] source = [.. skippable, .. Compress(Compressor.Zstd, Text), .. skippable];
        Assert.Equal(Text, Samples.ReadAll(Open(Compressor.Zstd, new MemoryStream(source))));
    }

    [Fact]
    public void AHugeZstdWindowIsRefused()
    {
        // Magic, no single segment, window descriptor 2^(10 + 20), an empty last raw block.
        byte[] source = [0x28, 0xB5, 0x2F, 0xFD, 0x00, 20 << 3, 0x01, 0x00, 0x00];
        InvalidFormatException e = Assert.Throws<InvalidFormatException>(() => Samples.ReadAll(Open(Compressor.Zstd, new MemoryStream(source))));
        Assert.Contains("memory", e.Message, StringComparison.Ordinal);
    }

    [Theory]
    [MemberData(nameof(Codecs))]
    public void HostileInputIsOneTypedError(Compressor compressor)
    {
        byte[] source = Compress(compressor, Text.AsSpan(0, 20_000).ToArray());
        Random random = new(21);
        for (int i = 0; i < 500; i++)
        {
            byte[] mutated = Samples.Mutate(random, source);
            try
            {
                Samples.ReadAll(Open(compressor, new MemoryStream(mutated)));
            }
            catch (InvalidFormatException)
            {
                // Expected; other exceptions fail the test.
            }
        }
    }

    [Theory]
    [InlineData("nydus/zran-single-stream.tar.gz")]
    [InlineData("nydus/zran-two-streams.tar.gz")]
    [InlineData("nydus/zran-zero-file.tar.gz")]
    [InlineData("nydus/generated/layer1.tar.gz")]
    public void GoldenFilesReadAsTheRuntimeReadsThem(string name)
    {
        byte[] source = File.ReadAllBytes(Golden.Path(name));
        using GZipStream reference = new(new MemoryStream(source), CompressionMode.Decompress);
        Assert.Equal(Samples.ReadAll(reference), Samples.ReadAll(Open(Compressor.Gzip, new MemoryStream(source))));
    }

    private static DecompressionStream Open(Compressor compressor, Stream source) =>
        compressor == Compressor.Zstd ? new ZstdDecompressionStream(source) : new GzipDecompressionStream(source);

    private static byte[] Compress(Compressor compressor, byte[] text)
    {
        if (compressor == Compressor.Zstd && text.Length == 0) return [0x28, 0xB5, 0x2F, 0xFD, 0x20, 0x00, 0x01, 0x00, 0x00];
        if (compressor == Compressor.Gzip)
        {
            using MemoryStream content = new();
            using (GZipStream gzip = new(content, CompressionLevel.Optimal, leaveOpen: true)) gzip.Write(text);
            return text.Length > 0 ? content.ToArray() : [0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 3, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        }

        byte[] compressed = new byte[ChunkCodec.MaxCompressedLength(compressor, text.Length)];
        return compressed[..ChunkCodec.Compress(compressor, text, compressed)];
    }

    /// <summary>Gives a few bytes at a time.</summary>
    private sealed class Trickle(byte[] content, Random random) : MemoryStream(content)
    {
        public override int Read(Span<byte> buffer) => base.Read(buffer[..Math.Min(buffer.Length, random.Next(1, 3000))]);

        public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) =>
            base.ReadAsync(buffer[..Math.Min(buffer.Length, random.Next(1, 3000))], cancellationToken);
    }
}
