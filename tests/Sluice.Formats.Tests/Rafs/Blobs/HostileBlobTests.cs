using Sluice.Formats.Compression;
using Sluice.Formats.Hashing;
using Sluice.Formats.Rafs;
using Sluice.Formats.Rafs.Blobs;

namespace Sluice.Formats.Tests.Rafs.Blobs;

public sealed class HostileBlobTests
{
    [Theory]
    [InlineData("native-l2.blob")]
    [InlineData("zran-l2.blob")]
    public void Damaged_tails_are_read_or_refused(string name)
    {
        byte[] golden = GoldenBlob.Read("generated/" + name)[^1536..];
        Mutations.Run(golden, 4000, 1, 0, bytes =>
        {
            BlobToc? toc = BlobToc.ReadTail(bytes.Length + 300000L, bytes, out long needed);
            Assert.True(toc is null || needed == bytes.Length + 300000L);
            foreach (BlobTocEntry entry in toc?.Entries ?? [])
            {
                if (entry.Offset + entry.CompressedSize <= bytes.Length) _ = entry.Unpack(bytes.AsSpan((int)entry.Offset, (int)entry.CompressedSize));
            }

            _ = BlobSectionWalk.Over(bytes);
        });
    }

    [Theory]
    [InlineData("native-l1.blob", Compressor.Zstd, 2000)]
    [InlineData("batch-l1.blob", Compressor.Zstd, 2000)]
    [InlineData("zran-l1.blob", Compressor.Gzip, 200)] // each round inflates some megabytes
    public void Damaged_chunk_info_gives_a_decoder_that_stays_in_bounds_or_none(string name, Compressor compressor, int rounds)
    {
        var blob = new GoldenBlob(name, compressor, compressor == Compressor.Gzip ? DigestAlgorithm.Sha256 : DigestAlgorithm.Blake3);
        byte[] data = compressor == Compressor.Gzip ? GoldenBlob.Read("generated/layer1.tar.gz") : blob.Bytes;
        ChunkInfoHeader header = ChunkInfoHeader.Read(blob.Section(BlobSection.BlobMetaHeader));
        byte[] small = Shrink(blob, header);
        var random = new Random(5);
        Mutations.Run(small, rounds, 2, 0, bytes =>
        {
            ChunkInfoTable table = ChunkInfoReader.ReadCacheFile(null, bytes);
            var decoder = new ChunkDecoder(blob.Entry with { CompressedSize = data.Length }, table);
            if (decoder.UnitCount == 0) return;
            ChunkUnit unit = decoder.GetUnit(random.Next(decoder.UnitCount));
            Assert.InRange(unit.CompressedEnd, 0, data.Length);
            Assert.InRange(unit.UncompressedLength, 0, RafsBlobLimits.MaxUnitSize);
            decoder.DecodeUnit(unit, data.AsSpan((int)unit.CompressedOffset, unit.CompressedLength), new byte[unit.UncompressedLength]);
        });
    }

    [Theory]
    [InlineData("native-l2.blob", Compressor.Zstd, null)]
    [InlineData("batch-l1.blob", Compressor.Zstd, null)]
    [InlineData("zran-l2.blob", Compressor.Gzip, "layer2.tar.gz")]
    public void Damaged_chunks_never_pass(string name, Compressor compressor, string? layer)
    {
        var blob = new GoldenBlob(name, compressor, layer is null ? DigestAlgorithm.Blake3 : DigestAlgorithm.Sha256);
        byte[] data = layer is null ? blob.Bytes : GoldenBlob.Read("generated/" + layer);
        var decoder = new ChunkDecoder(blob.Entry with { CompressedSize = data.Length }, blob.Table);
        for (int unitNumber = 0; unitNumber < decoder.UnitCount; unitNumber++)
        {
            ChunkUnit unit = decoder.GetUnit(unitNumber);
            byte[] stored = data[(int)unit.CompressedOffset..(int)unit.CompressedEnd];
            byte[] right = new byte[unit.UncompressedLength];
            decoder.DecodeUnit(unit, stored, right);
            var random = new Random(unitNumber);
            for (int round = 0; round < 40; round++)
            {
                byte[] damaged = (byte[])stored.Clone();
                damaged[random.Next(damaged.Length)] ^= (byte)(1 << random.Next(8));
                byte[] decoded = new byte[unit.UncompressedLength];
                try
                {
                    decoder.DecodeUnit(unit, damaged, decoded);
                }
                catch (InvalidFormatException)
                {
                    continue;
                }

                Assert.Equal(decoded.AsSpan().SequenceEqual(right), decoder.FindCorrupt(unit, decoded) < 0);
            }
        }
    }

    [Fact]
    public void Sizes_are_refused_before_they_are_allocated()
    {
        var header = new ChunkInfoHeader
        {
            Features = BlobFeatures.Aligned,
            Compressor = Compressor.Zstd,
            ChunkCount = 1 << 24,
            CompressedSize = 10,
            UncompressedSize = 16L << 24,
        };
        byte[] section = new byte[10 + ChunkInfoHeader.Size];
        header.Write(section.AsSpan(10));
        long before = GC.GetAllocatedBytesForCurrentThread();
        Assert.Throws<InvalidFormatException>(() => ChunkInfoReader.ReadSection(section));
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 1 << 20);

        (header with { ChunkCount = (1 << 24) + 1 }).Write(section.AsSpan(10));
        Assert.Throws<InvalidFormatException>(() => ChunkInfoReader.ReadSection(section));
        Assert.Throws<InvalidFormatException>(() => new BlobTocEntry { Name = "image.boot", Compressor = Compressor.Zstd, Offset = 0, CompressedSize = 20, UncompressedSize = 1 << 29 }.Unpack(new byte[20]));
    }

    [Theory]
    [InlineData(0, 4096, 100, 100, 100)] // beyond the data
    [InlineData(1 << 20, 4096, 1, 1, 100)] // beyond the blob space
    [InlineData(0, 4096, 1, 2, 0)] // neither compressed nor of that size
    [InlineData(0, 4096, 1, (16 << 20) + 1, 0)] // larger than a chunk
    [InlineData(-1, 4096, 1, 1, 0)]
    public void Senseless_chunks_are_refused(long uncompressed, int space, int compressedSize, int size, long offset)
    {
        var blob = new RafsBlob { Id = new string('0', 64), CompressedSize = 150, UncompressedSize = space };
        var chunk = new ChunkInfo { CompressedOffset = offset, CompressedSize = compressedSize, UncompressedOffset = uncompressed, UncompressedSize = size };
        Assert.Throws<InvalidFormatException>(() => new ChunkDecoder(blob, [chunk]));
    }

    [Fact]
    public void Overlapping_chunks_are_refused()
    {
        var blob = new RafsBlob { Id = new string('0', 64), CompressedSize = 1000, UncompressedSize = 8192 };
        ChunkInfo At(long offset) => new() { CompressedOffset = 0, CompressedSize = 10, UncompressedOffset = offset, UncompressedSize = 10 };
        _ = new ChunkDecoder(blob, [At(0), At(10), At(4096)]);
        Assert.Throws<InvalidFormatException>(() => new ChunkDecoder(blob, [At(0), At(9)]));
        Assert.Throws<InvalidFormatException>(() => new ChunkDecoder(blob, [At(4096), At(0)]));
    }

    /// <summary>A zran table of two contexts: the dictionaries of all five would take most of the damage.</summary>
    private static byte[] Shrink(GoldenBlob blob, ChunkInfoHeader header)
    {
        bool zran = blob.Table.Contexts.Length > 0;
        var table = new ChunkInfoTable
        {
            Features = blob.Table.Features,
            Chunks = zran ? [.. blob.Table.Chunks.Where(chunk => ChunkDecoder.ContextOf(chunk) < 2)] : blob.Table.Chunks,
            Batches = blob.Table.Batches,
            Contexts = zran ? blob.Table.Contexts[..2] : [],
            Dictionaries = zran ? blob.Table.Dictionaries[..RafsBlobLimits.MaxDictionarySize] : default,
        };
        byte[] array = ChunkInfoWriter.WriteArray(table);
        (byte[] _, ChunkInfoHeader shrunk) = ChunkInfoWriter.Pack(table, array, header.Compressor, header.Offset);
        return ChunkInfoWriter.WriteCacheFile(shrunk, array);
    }
}
