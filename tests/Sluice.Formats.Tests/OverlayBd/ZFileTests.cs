using System.Security.Cryptography;
using Sluice.Formats.OverlayBd.ZFile;
using Sluice.Formats.Tests.Compression;
using Sluice.Testing;

namespace Sluice.Formats.Tests.OverlayBd;

public sealed class ZFileTests
{
    public static TheoryData<ZFileAlgorithm, int> Shapes =>
        new(from algorithm in Enum.GetValues<ZFileAlgorithm>() from size in (int[])[4, 8, 16, 32, 64] select (algorithm, size << 10));

    [Fact]
    public void Golden_files_decode()
    {
        int files = 0;
        foreach ((string name, byte[] content) in GoldenFiles.ZFiles())
        {
            byte[] file = GoldenFiles.Read(name);
            Assert.True(content.AsSpan().SequenceEqual(Decode(file)), name);
            ZFileHeader header = ZFileHeader.Read(file);
            Assert.Equal(name.Contains(".ow.", StringComparison.Ordinal), header.HasIndex);
            Assert.Equal(header.HasIndex ? 0x1Bu : 0x13u, (uint)header.Flags);
            Assert.Equal(0x16u, (uint)ZFileHeader.Read(file.AsSpan(^ZFileHeader.Size..)).Flags);
            files++;
        }

        Assert.Equal(28, files);
    }

    [Fact]
    public void Headers_are_written_as_the_real_ones()
    {
        foreach ((string name, _) in GoldenFiles.ZFiles())
        {
            byte[] file = GoldenFiles.Read(name);
            byte[] written = new byte[ZFileHeader.Size];
            ZFileHeader.Read(file).Write(written);
            Assert.Equal(file[..ZFileHeader.Size], written);
            ZFileHeader.Read(file.AsSpan(^ZFileHeader.Size..)).Write(written);
            Assert.Equal(file[^ZFileHeader.Size..], written);
        }
    }

    [Theory]
    [MemberData(nameof(Shapes))]
    public void What_is_written_reads_back_and_obeys_the_real_reader(ZFileAlgorithm algorithm, int blockSize)
    {
        foreach (byte[] content in Contents())
        {
            foreach (bool checksums in (bool[])[true, false])
            {
                foreach (bool overwrite in (bool[])[true, false])
                {
                    byte[] file = Write(content, new ZFileOptions { Algorithm = algorithm, BlockSize = blockSize, HasChecksums = checksums, OverwriteHeader = overwrite });
                    Assert.True(content.AsSpan().SequenceEqual(Decode(file)));
                    RealReader.Check(file);
                    Assert.Equal(overwrite, ZFileHeader.Read(file).HasIndex);
                }
            }
        }
    }

    [Fact]
    public void The_same_library_gives_the_same_file_as_the_real_writer()
    {
        byte[] content = GoldenFiles.Read("in/mixed_300k.bin");
        Assert.Equal(GoldenFiles.Read("zfile/mixed_300k.lz4.4k.crc1.zfile"), Write(content, new ZFileOptions()));
        Assert.Equal(GoldenFiles.Read("zfile/mixed_300k.lz4.4k.crc1.ow.zfile"), Write(content, new ZFileOptions { OverwriteHeader = true }));
    }

    [Fact]
    public void Streaming_and_seeking_outputs_give_the_same_blocks()
    {
        byte[] content = Samples.Text(new Random(1), 1 << 20);
        byte[] seeking = Write(content, new ZFileOptions { BlockSize = 16 << 10 });
        var streaming = new ForwardStream();
        var writer = new ZFileWriter(streaming, new ZFileOptions { BlockSize = 16 << 10 });
        var random = new Random(2);
        for (int at = 0; at < content.Length;)
        {
            int count = Math.Min(random.Next(1, 50_000), content.Length - at);
            writer.Write(content.AsSpan(at, count));
            at += count;
        }

        writer.Complete();
        Assert.Equal(seeking, streaming.ToArray());
    }

    [Fact]
    public void A_forward_output_gets_no_blocks_of_64_KiB()
    {
        byte[] content = new byte[300_000];
        new Random(3).NextBytes(content);
        var output = new ForwardStream();
        var writer = new ZFileWriter(output, new ZFileOptions { BlockSize = 64 << 10 });
        Assert.Equal(32 << 10, writer.BlockSize);
        writer.Write(content);
        writer.Complete();
        RealReader.Check(output.ToArray());
        Assert.Equal(content, Decode(output.ToArray()));
    }

    [Theory]
    [InlineData(ZFileAlgorithm.Lz4, 0)]
    [InlineData(ZFileAlgorithm.Lz4, 40)]
    [InlineData(ZFileAlgorithm.Zstd, 41)]
    public void Blocks_of_64_KiB_are_taken_back_where_they_would_be_unreadable(ZFileAlgorithm algorithm, int before)
    {
        // Something that compresses, then noise, behind other bytes of the output.
        byte[] noise = new byte[200_000];
        new Random(4).NextBytes(noise);
        byte[] content = [.. Samples.Text(new Random(5), before * 65536), .. noise, .. Samples.Text(new Random(6), 100_000)];
        using var output = new MemoryStream();
        output.Write(new byte[1000]);
        var writer = new ZFileWriter(output, new ZFileOptions { Algorithm = algorithm, BlockSize = 64 << 10 });
        writer.Write(content.AsSpan(0, 70_000));
        writer.Write(content.AsSpan(70_000));
        writer.Complete();
        byte[] file = output.ToArray()[1000..];
        Assert.Equal(file, Write(content, new ZFileOptions { Algorithm = algorithm, BlockSize = 32 << 10 }));
        RealReader.Check(file);
    }

    [Fact]
    public void Compressible_content_keeps_64_KiB()
    {
        byte[] file = Write(Samples.Text(new Random(7), 1 << 20), new ZFileOptions { BlockSize = 64 << 10 });
        Assert.Equal(64 << 10, ZFileHeader.Read(file).BlockSize);
        RealReader.Check(file);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(4)]
    [InlineData(16)]
    [InlineData(64)]
    public void Any_number_of_workers_gives_the_same_bytes(int kib)
    {
        byte[] noise = new byte[150_001];
        new Random(8).NextBytes(noise);
        byte[] content = [.. Samples.Text(new Random(9), 500_000), .. noise];
        var options = new ZFileOptions { BlockSize = Math.Max(4, kib) << 10 };
        byte[] serial = Write(content, options);
        using var output = new MemoryStream();
        var writer = new ZFileWriter(output, options);
        ZFileBlockCodec codec = writer.Codec;
        byte[][] stored = new byte[(content.Length + codec.BlockSize - 1) / codec.BlockSize][];
        Parallel.For(0, stored.Length, i =>
        {
            byte[] buffer = new byte[codec.MaxStoredLength];
            int length = codec.Compress(Block(i), buffer);
            stored[i] = length < 0 ? [] : buffer[..length];
        });
        for (int i = 0; i < stored.Length; i++) writer.AppendBlock(Block(i), stored[i]);
        writer.Complete();
        Assert.Equal(serial, output.ToArray());

        ReadOnlySpan<byte> Block(int i) => content.AsSpan(i * codec.BlockSize, Math.Min(codec.BlockSize, content.Length - (i * codec.BlockSize)));
    }

    [Fact]
    public void The_independent_decoder_reads_what_is_written()
    {
        _ = GoldenFiles.Path("");
        using var directory = new TemporaryDirectory();
        byte[] text = Samples.Text(new Random(10), 200_001);
        byte[] noise = new byte[100_000];
        new Random(11).NextBytes(noise);
        foreach (byte[] content in (byte[][])[[], [7], text, noise])
        {
            foreach (ZFileAlgorithm algorithm in Enum.GetValues<ZFileAlgorithm>())
            {
                foreach (int kib in (int[])[4, 64])
                {
                    File.WriteAllBytes(directory.File("a.zfile"), Write(content, new ZFileOptions { Algorithm = algorithm, BlockSize = kib << 10, HasChecksums = kib == 4, OverwriteHeader = kib == 64 }));
                    string digest = GoldenFiles.Verify(directory.Path, "cat", "a.zfile", "out").Trim();
                    Assert.Equal(Convert.ToHexStringLower(SHA256.HashData(content)), digest);
                    Assert.DoesNotContain("False", GoldenFiles.Verify(directory.Path, "info", "a.zfile"), StringComparison.Ordinal);
                }
            }
        }
    }

    [Fact]
    public void Random_parts_are_found()
    {
        byte[] content = Samples.Text(new Random(12), 777_777);
        byte[] file = Write(content, new ZFileOptions { BlockSize = 8 << 10 });
        using ZFileIndex index = ZFileIndex.ReadFile(file);
        byte[] scratch = new byte[8 << 10];
        var random = new Random(13);
        for (int i = 0; i < 300; i++)
        {
            int position = random.Next(content.Length);
            byte[] part = new byte[random.Next(1, Math.Min(60_000, content.Length - position + 1))];
            ZFileBlock first = index.GetBlock(index.GetBlockNumber(position));
            ZFileBlock last = index.GetBlock(index.GetBlockNumber(position + part.Length - 1));
            index.Decode(file.AsSpan((int)first.StoredOffset, (int)(last.StoredEnd - first.StoredOffset)), first.StoredOffset, position, part, scratch);
            Assert.True(content.AsSpan(position, part.Length).SequenceEqual(part));
        }
    }

    [Fact]
    public void Offsets_beyond_4_GiB_are_right()
    {
        // 100,000 blocks of 100 KB: more than one group, more than 32 bits.
        const int blocks = 100_000;
        var random = new Random(14);
        byte[] table = new byte[blocks * 4];
        long end = ZFileHeader.Size;
        long[] offsets = new long[blocks];
        for (int i = 0; i < blocks; i++)
        {
            uint length = (uint)random.Next(80_000, ZFileLimits.MaxStoredBlock);
            BitConverter.TryWriteBytes(table.AsSpan(i * 4), length);
            offsets[i] = end;
            end += length;
        }

        var header = new ZFileHeader
        {
            Flags = ZFileFlags.DataFile | ZFileFlags.Sealed,
            IndexOffset = end,
            BlockCount = blocks,
            ContentLength = (blocks * 65536L) - 1,
            BlockSize = 65536,
            Algorithm = ZFileAlgorithm.Zstd,
            HasChecksums = true,
            IndexChecksum = Sluice.Formats.Hashing.Crc32C.Raw(table),
        };
        using ZFileIndex index = ZFileIndex.Read(header, table);
        for (int i = 0; i < blocks; i++)
        {
            ZFileBlock block = index.GetBlock(i);
            Assert.Equal(offsets[i], block.StoredOffset);
            Assert.Equal(i + 1 < blocks ? offsets[i + 1] : end, block.StoredEnd);
        }

        Assert.Equal(65535, index.GetBlock(blocks - 1).Length);
    }

    [Fact]
    public void Damaged_blocks_never_pass()
    {
        byte[] content = Samples.Text(new Random(15), 20_000);
        byte[] file = Write(content, new ZFileOptions());
        using ZFileIndex index = ZFileIndex.ReadFile(file);
        byte[] output = new byte[4096];
        for (int bit = 0; bit < 8 * index.GetBlock(1).StoredLength; bit += 7)
        {
            byte[] stored = file.AsSpan((int)index.GetBlock(1).StoredOffset, index.GetBlock(1).StoredLength).ToArray();
            stored[bit / 8] ^= (byte)(1 << (bit % 8));
            Assert.Throws<InvalidFormatException>(() => index.Codec.Decompress(stored, output));
        }
    }

    internal static byte[] Write(byte[] content, ZFileOptions options)
    {
        using var output = new MemoryStream();
        var writer = new ZFileWriter(output, options);
        writer.Write(content);
        ZFileHeader trailer = writer.Complete();
        Assert.Equal(output.Length, output.Position);
        Assert.Equal(output.Length, writer.StoredLength);
        Assert.Equal(output.Length, trailer.FileLength);
        return output.ToArray();
    }

    internal static byte[] Decode(byte[] file)
    {
        using ZFileIndex index = ZFileIndex.ReadFile(file);
        byte[] content = new byte[index.ContentLength];
        index.Decode(file, 0, 0, content, new byte[index.Codec.BlockSize]);
        return content;
    }

    private static IEnumerable<byte[]> Contents()
    {
        byte[] noise = new byte[400_000];
        new Random(16).NextBytes(noise);
        yield return [];
        yield return [1];
        yield return new byte[65536];
        yield return Samples.Text(new Random(17), 65537);
        yield return Samples.Text(new Random(18), 300_001);
        yield return noise;
        yield return noise[..65535];
    }

    private sealed class ForwardStream : MemoryStream
    {
        public override bool CanSeek => false;

        public override bool CanRead => false;

        public override long Seek(long offset, SeekOrigin loc) => throw new NotSupportedException();

        public override long Position
        {
            get => throw new NotSupportedException();
            set => throw new NotSupportedException();
        }
    }

    /// <summary>What overlaybd's own reader demands beyond a valid file.</summary>
    private static class RealReader
    {
        public static void Check(byte[] file)
        {
            using ZFileIndex index = ZFileIndex.ReadFile(file);
            int group = 65536 / index.Codec.BlockSize;
            long accumulated = 0;
            for (int i = 0; i < index.BlockCount; i++)
            {
                int length = index.GetBlock(i).StoredLength;
                Assert.InRange(length, index.Codec.Overhead + 1, 65536);
                accumulated = (i + 1) % group == 0 ? 0 : accumulated + length;
                Assert.InRange(accumulated, 0, 65534);
            }
        }
    }
}
