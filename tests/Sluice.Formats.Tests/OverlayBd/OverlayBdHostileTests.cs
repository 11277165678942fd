using System.Runtime.InteropServices;
using Sluice.Formats.Gzip;
using Sluice.Formats.OverlayBd;
using Sluice.Formats.OverlayBd.Lsmt;
using Sluice.Formats.OverlayBd.ZFile;
using Sluice.Formats.Tests.Compression;
using Sluice.Formats.Tests.Rafs.Blobs;

namespace Sluice.Formats.Tests.OverlayBd;

/// <summary>Seeded damage to all golden files: read or refused with one exception, and soon.</summary>
public sealed class OverlayBdHostileTests
{
    [Fact]
    public void Damaged_zfiles_are_read_or_refused()
    {
        int seed = 0;
        foreach ((string name, _) in GoldenFiles.ZFiles())
        {
            byte[] file = GoldenFiles.Read(name);
            var random = new Random(++seed);
            for (int round = 0; round < 100; round++)
            {
                byte[] damaged = Samples.Mutate(random, file);
                Refused(() => ZFileTests.Decode(damaged));
                Refused(() => BlockLayerTail.TryRead(damaged, damaged.Length, out _)?.Dispose());
            }

            DamageUnderDigest(file, seed);
        }
    }

    [Fact]
    public void Damaged_contents_of_zfiles_are_decoded_in_bounds_or_refused()
    {
        foreach ((string name, _) in GoldenFiles.ZFiles())
        {
            byte[] file = GoldenFiles.Read(name);
            using ZFileIndex index = ZFileIndex.ReadFile(file);
            if (index.BlockCount == 0) continue;
            var codec = index.Codec with { HasChecksums = false };
            byte[] output = new byte[codec.BlockSize];
            ZFileBlock block = index.GetBlock(index.BlockCount / 2);
            byte[] stored = file.AsSpan((int)block.StoredOffset, block.StoredLength - index.Codec.Overhead).ToArray();
            if (block.StoredLength > 70_000 || stored.Length < 40) continue;
            var random = new Random(7);
            for (int round = 0; round < 300; round++)
            {
                byte[] damaged = [.. stored];
                damaged[random.Next(damaged.Length)] ^= (byte)(1 << random.Next(8));
                Refused(() => codec.Decompress(damaged, output.AsSpan(0, block.Length)));
            }
        }
    }

    [Theory]
    [InlineData("layer0.lsmt")]
    [InlineData("layer1.lsmt")]
    [InlineData("layer2.lsmt")]
    [InlineData("sealed_rw_layer1.lsmt")]
    [InlineData("sparse_committed.lsmt")]
    public void Damaged_layers_are_read_or_refused(string name)
    {
        // Index and trailer: what lies before is data.
        byte[] golden = GoldenFiles.Read("lsmt/" + name);
        var layer = new LsmtFile(golden);
        Mutations.Run(golden, 3000, 3, (int)layer.Trailer.IndexOffset, bytes => CheckLayer(new LsmtFile(bytes), bytes.Length));
        Mutations.Run(golden, 1000, 4, golden.Length - 4096, bytes => CheckLayer(new LsmtFile(bytes), bytes.Length));
        foreach (bool warp in (bool[])[false, true])
        {
            Mutations.Run(golden, 1000, 5, (int)layer.Trailer.IndexOffset, bytes =>
            {
                using BlockLayer? opened = BlockLayerTail.TryRead(bytes.AsSpan(^Math.Min(bytes.Length, 20_000)..), bytes.Length, out _, warp);
            });
        }
    }

    [Theory]
    [InlineData("tar/ext4_layer1.tar")]
    [InlineData("tar/ext4_layer2.tar")]
    [InlineData("tar/ext4_layer3.tar")]
    [InlineData("turbo/ext4.fs.meta")]
    public void Damaged_blobs_are_read_or_refused(string name)
    {
        byte[] golden = GoldenFiles.Read(name);
        Mutations.Run(golden, 1500, 6, golden.Length - 9000, bytes =>
        {
            using BlockLayer? layer = BlockLayerTail.TryRead(bytes, bytes.Length, out _, warp: name.StartsWith("turbo", StringComparison.Ordinal));
            Assert.NotNull(layer);
        });
        Mutations.Run(golden[..1536], 2000, 7, 0, bytes => TarWrapper.TryRead(bytes, golden.Length, out _));
    }

    [Fact]
    public void Damaged_logs_are_replayed_or_refused()
    {
        byte[] log = GoldenFiles.Read("lsmt/rw_append.index");
        long dataLength = GoldenFiles.Read("lsmt/rw_append.data").Length;
        Mutations.Run(log, 4000, 8, 4000, bytes =>
        {
            var index = new LsmtMutableIndex();
            LsmtLog.ReplayFile(bytes, dataLength, index);
            Assert.InRange(index.Count, 0, 3 * log.Length / 16);
        });
    }

    [Fact]
    public void Damaged_traces_and_gzip_indexes_are_read_or_refused()
    {
        Mutations.Run(GoldenFiles.Read("trace/stack3.trace"), 3000, 9, 0, bytes => TraceFile.Read(bytes));
        byte[] golden = GoldenFiles.Read("turbo/gzip.meta");
        byte[] window = new byte[32768];
        Action<byte[]> read = bytes =>
        {
            GzipIndex index = GzipIndex.Read(bytes);
            foreach (GzipCheckpoint checkpoint in index.Checkpoints) index.ReadWindow(checkpoint, window);
        };
        Mutations.Run(golden, 3000, 10, 0, read);
        Mutations.Run(golden, 3000, 11, 0, bytes =>
        {
            // A header whose checksum is right, so that the damage is looked at.
            if (bytes.Length >= 333) BitConverter.TryWriteBytes(bytes.AsSpan(329), Sluice.Formats.Hashing.Crc32C.Raw(bytes.AsSpan(0, 329)));
            read(bytes);
        });
    }

    [Theory]
    [InlineData(0, 10, 8, 5, 10, 18)] // overlap
    [InlineData(100, 10, 8, 5, 10, 18)] // out of order
    [InlineData(0, 10, 7, 20, 10, 18)] // inside the header
    [InlineData(0, 10, 8, 20, 10, 31)] // beyond the data
    [InlineData(0, 0, 8, 20, 10, 18)] // empty
    [InlineData((1L << 50) - 2, 10, 8, 0, 0, 0)] // off the end of the device
    public void Senseless_extents_are_refused(long offset, int length, long mapped, long offset2, int length2, long mapped2)
    {
        LsmtExtent[] extents = [new(offset, length, mapped), new(offset2, length2, mapped2)];
        var trailer = new LsmtHeader { Flags = LsmtFlags.DataFile | LsmtFlags.Sealed, IndexOffset = 40 * 512, IndexCount = 2 };
        Assert.Throws<InvalidFormatException>(() => LsmtIndexReader.Read(trailer, MemoryMarshal.AsBytes<LsmtExtent>(extents)));
    }

    [Fact]
    public void Sizes_are_refused_before_they_are_allocated()
    {
        var trailer = new LsmtHeader { Flags = LsmtFlags.DataFile | LsmtFlags.Sealed, IndexOffset = 4096, IndexCount = 128_000_000 };
        Assert.Throws<InvalidFormatException>(() => LsmtIndexReader.GetRange(trailer, long.MaxValue / 2));
        Assert.Throws<InvalidFormatException>(() => LsmtIndexReader.GetRange(trailer with { IndexCount = 1000 }, 8192));
        byte[] blob = new byte[20_000];
        new ZFileHeader
        {
            Flags = ZFileFlags.DataFile | ZFileFlags.Sealed,
            IndexOffset = 512,
            BlockCount = 1 << 28,
            ContentLength = 4096L << 28,
            BlockSize = 4096,
            Algorithm = ZFileAlgorithm.Lz4,
            HasChecksums = true,
        }.Write(blob.AsSpan(^512..));
        long before = GC.GetAllocatedBytesForCurrentThread();
        Assert.Throws<InvalidFormatException>(() => BlockLayerTail.TryRead(blob, blob.Length, out _));

        // The same in a blob that could be so large: more is asked for, nothing allocated.
        long size = 512 + (4L << 28) + 512;
        Assert.Null(BlockLayerTail.TryRead(blob, size, out long neededFrom));
        Assert.Equal(0, neededFrom);
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 1 << 20);
    }

    /// <summary>Damage to trailer and jump table that a writer with bad intentions would cover with right checksums.</summary>
    private static void DamageUnderDigest(byte[] file, int seed)
    {
        ZFileHeader trailer = ZFileHeader.Read(file.AsSpan(^512..));
        var random = new Random(seed);
        for (int round = 0; round < 200; round++)
        {
            byte[] bytes = [.. file];
            if (trailer.BlockCount > 0 && random.Next(2) == 0)
            {
                int at = (int)trailer.IndexOffset + (4 * random.Next(trailer.BlockCount));
                uint value = random.Next(4) switch { 0 => 0, 1 => (uint)random.Next(10), 2 => uint.MaxValue, _ => (uint)random.Next(200_000) };
                BitConverter.TryWriteBytes(bytes.AsSpan(at), value);
            }

            ZFileHeader damaged = trailer with { IndexChecksum = Sluice.Formats.Hashing.Crc32C.Raw(bytes.AsSpan((int)trailer.IndexOffset, (int)trailer.IndexLength)) };
            damaged = random.Next(6) switch
            {
                0 => damaged with { ContentLength = random.NextInt64(1L << random.Next(1, 63)) },
                1 => damaged with { BlockCount = random.Next() },
                2 => damaged with { IndexOffset = random.NextInt64(1L << random.Next(1, 63)) },
                3 => damaged with { BlockSize = 4096 << random.Next(5) },
                4 => damaged with { Algorithm = (ZFileAlgorithm)random.Next(1, 3), HasChecksums = !damaged.HasChecksums },
                _ => damaged,
            };
            damaged.Write(bytes.AsSpan(^512..));
            if (ZFileHeader.Read(file).HasIndex) (damaged with { Flags = ZFileFlags.Header | ZFileFlags.DataFile | ZFileFlags.HeaderOverwritten }).Write(bytes);
            Refused(() => ZFileTests.Decode(bytes));
            Refused(() => BlockLayerTail.TryRead(bytes, bytes.Length, out _)?.Dispose());
        }
    }

    private static void CheckLayer(LsmtFile layer, int length)
    {
        long end = 0;
        foreach (LsmtExtent extent in layer.Extents)
        {
            Assert.True(extent.Offset >= end && extent.Length > 0);
            if (!extent.IsZeroed) Assert.InRange((extent.MappedOffset + extent.Length) * 512, 4096 + 512, length - 4096);
            end = extent.End;
        }
    }

    private static void Refused(Action action)
    {
        try
        {
            action();
        }
        catch (InvalidFormatException)
        {
        }
    }
}
