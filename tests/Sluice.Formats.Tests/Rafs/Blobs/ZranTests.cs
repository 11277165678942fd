using System.IO.Compression;
using Sluice.Formats.Compression;
using Sluice.Formats.Hashing;
using Sluice.Formats.Rafs;
using Sluice.Formats.Rafs.Blobs;

namespace Sluice.Formats.Tests.Rafs.Blobs;

public sealed class ZranTests
{
    private const int HeaderSize = 10;

    [Fact]
    public void Context_runs_on_into_the_next_gzip_member()
    {
        byte[] input = GoldenBlob.Read("zran-two-streams.tar.gz");
        byte[] expected = Gunzip(input);
        int start = GzipMemberHeader.GetLength(input);
        Assert.Equal(expected, Inflate(input, start, expected.Length));
    }

    [Fact]
    public void Empty_and_decorated_members_are_passed()
    {
        byte[] first = Gzip("first "u8);
        byte[] empty = Gzip([]);
        byte[] second = Gzip("second"u8);
        second[3] = 2 | 4 | 8 | 16;
        byte[] decorated = [.. second[..HeaderSize], 3, 0, 1, 2, 3, .. "name\0"u8, .. "comment\0"u8, 9, 9, .. second[HeaderSize..]];
        Assert.Equal("first second"u8, Inflate([.. first, .. empty, .. decorated], HeaderSize, 12));
        for (int cut = first.Length; cut < first.Length + empty.Length + 30; cut++)
        {
            byte[] input = [.. first, .. empty, .. decorated];
            Assert.Throws<InvalidFormatException>(() => Inflate(input[..cut], HeaderSize, 12));
        }
    }

    [Fact]
    public void Garbage_after_a_member_is_refused()
    {
        byte[] input = [.. Gzip("first "u8), .. new byte[64]];
        Assert.Throws<InvalidFormatException>(() => Inflate(input, HeaderSize, 12));
        Assert.Equal("first "u8, Inflate(input, HeaderSize, 6));
    }

    [Fact]
    public void Units_are_decoded_concurrently()
    {
        var blob = new GoldenBlob("zran-l1.blob", Compressor.Gzip, DigestAlgorithm.Sha256);
        byte[] data = GoldenBlob.Read("generated/layer1.tar.gz");
        var decoder = new ChunkDecoder(blob.Entry with { CompressedSize = data.Length }, blob.Table);
        Parallel.For(0, 16, i =>
        {
            ChunkUnit unit = decoder.GetUnit(i % decoder.UnitCount);
            byte[] buffer = new byte[unit.UncompressedLength];
            decoder.DecodeUnit(unit, data.AsSpan((int)unit.CompressedOffset, unit.CompressedLength), buffer);
            Assert.Equal(-1, decoder.FindCorrupt(unit, buffer));
        });
    }

    [Theory]
    [InlineData("native-l1.blob", null)]
    [InlineData("batch-l1.blob", null)]
    [InlineData("zran-l1.blob", "layer1.tar.gz")]
    public void Decoding_and_checking_allocate_nothing(string name, string? layer)
    {
        var blob = new GoldenBlob(
            name,
            layer is null ? Compressor.Zstd : Compressor.Gzip,
            layer is null ? DigestAlgorithm.Blake3 : DigestAlgorithm.Sha256);
        byte[] data = layer is null ? blob.Bytes : GoldenBlob.Read("generated/" + layer);
        var decoder = new ChunkDecoder(blob.Entry with { CompressedSize = data.Length }, blob.Table);
        byte[] buffer = new byte[4 << 20];
        long allocated = 0;
        for (int round = 0; round < 3; round++)
        {
            long before = GC.GetAllocatedBytesForCurrentThread();
            for (int i = 0; i < decoder.UnitCount; i++)
            {
                ChunkUnit unit = decoder.GetUnit(i);
                decoder.DecodeUnit(unit, data.AsSpan((int)unit.CompressedOffset, unit.CompressedLength), buffer);
                _ = decoder.FindCorrupt(unit, buffer);
            }

            allocated = GC.GetAllocatedBytesForCurrentThread() - before;
        }

        // Pools may have to grow while other tests use them.
        Assert.InRange(allocated, 0, decoder.UnitCount * 64);
    }

    private static byte[] Inflate(byte[] input, int start, int length)
    {
        byte[] output = new byte[length];
        var context = new ZranContext { InputOffset = start, InputLength = input.Length - start, OutputOffset = 0, OutputLength = length };
        ZranInflater.Inflate(context, [], input.AsSpan(start), output);
        return output;
    }

    private static byte[] Gzip(ReadOnlySpan<byte> content)
    {
        using var output = new MemoryStream();
        using (var gzip = new GZipStream(output, CompressionLevel.Optimal, leaveOpen: true)) gzip.Write(content);

        // An empty GZipStream writes nothing at all.
        return output.Length > 0 ? output.ToArray() : [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    }

    private static byte[] Gunzip(byte[] input)
    {
        using var gzip = new GZipStream(new MemoryStream(input), CompressionMode.Decompress);
        using var output = new MemoryStream();
        gzip.CopyTo(output);
        return output.ToArray();
    }
}
