using System.Security.Cryptography;
using Sluice.Formats.Compression;
using Sluice.Formats.Hashing;
using Sluice.Formats.Rafs;
using Sluice.Formats.Rafs.Blobs;

namespace Sluice.Formats.Tests.Rafs.Blobs;

public sealed class ChunkDecoderGoldenTests
{
    [Theory]
    [InlineData("native-l1.blob")]
    [InlineData("native-l2.blob")]
    [InlineData("batch-l1.blob")]
    public void Every_chunk_of_native_blobs_matches_its_digest(string name)
    {
        var blob = new GoldenBlob(name);
        var decoder = new ChunkDecoder(blob.Entry, blob.Table);
        byte[] space = GoldenBlob.DecodeAll(decoder, blob.Bytes);
        GoldenBlob.DecodeSingly(decoder, blob.Bytes, space);
    }

    [Fact]
    public void Batches_become_units_and_give_the_same_blob_space_as_single_chunks()
    {
        var batch = new GoldenBlob("batch-l1.blob");
        var native = new GoldenBlob("native-l1.blob");
        var decoder = new ChunkDecoder(batch.Entry, batch.Table);
        Assert.Equal(3, batch.Table.Batches.Length);
        Assert.True(decoder.UnitCount < 20);
        byte[] space = GoldenBlob.DecodeAll(decoder, batch.Bytes);
        Assert.Equal(GoldenBlob.DecodeAll(new ChunkDecoder(native.Entry, native.Table), native.Bytes), space);
    }

    // The fourth of the five contexts of layer 1 holds no chunk, so no unit needs it.
    [Theory]
    [InlineData("zran-l1.blob", "layer1.tar.gz", 416, 4)]
    [InlineData("zran-l2.blob", "layer2.tar.gz", 6, 2)]
    public void Every_chunk_of_zran_blobs_comes_out_of_the_layer(string name, string layer, int chunks, int units)
    {
        var blob = new GoldenBlob(name, Compressor.Gzip, DigestAlgorithm.Sha256);
        byte[] data = GoldenBlob.Read("generated/" + layer);
        var decoder = new ChunkDecoder(blob.Entry with { CompressedSize = data.Length }, blob.Table);
        Assert.Equal((chunks, units), (decoder.ChunkCount, decoder.UnitCount));
        byte[] space = GoldenBlob.DecodeAll(decoder, data);
        GoldenBlob.DecodeSingly(decoder, data, space);
    }

    [Fact]
    public void Plain_blob_is_read_by_its_last_4096_bytes()
    {
        byte[] bytes = GoldenBlob.Read("generated/a728b5791bc0c69660bfdcc7ac9cf628059a497b5a39b29e473712471370310d");
        ChunkInfoHeader header = ChunkInfoHeader.Read(bytes.AsSpan(^ChunkInfoHeader.Size..));
        ChunkInfoTable table = ChunkInfoReader.ReadSection(bytes.AsSpan((int)header.Offset..));
        var native = new GoldenBlob("native-l2.blob");
        var entry = native.Entry with { Features = header.Features, ChunkInfoOffset = header.Offset };
        byte[] space = GoldenBlob.DecodeAll(new ChunkDecoder(entry, table.WithDigests(native.Section(BlobSection.BlobDigest))), bytes);
        Assert.Equal(GoldenBlob.DecodeAll(new ChunkDecoder(native.Entry, native.Table), native.Bytes), space);
    }

    [Fact]
    public void Cache_file_of_nydus_2_2_parses()
    {
        byte[] file = GoldenBlob.Read("233c72f2b6b698c07021c4da367cfe2dff4f049efbaa885ca0ff760ea297865a.blob.meta");
        ChunkInfoTable table = ChunkInfoReader.ReadCacheFile(null, file);
        Assert.Equal((163, 21), (table.Chunks.Length, table.Contexts.Length));
        ChunkInfoHeader header = ChunkInfoHeader.Read(file.AsSpan(^ChunkInfoHeader.Size..));
        var decoder = new ChunkDecoder(
            new RafsBlob { Id = new string('0', 64), Features = header.Features | BlobFeatures.Separate, Compressor = Compressor.Gzip }, table);
        Assert.Equal(21, decoder.UnitCount);
        Assert.Equal(file, ChunkInfoWriter.WriteCacheFile(header, ChunkInfoWriter.WriteArray(table)));
    }

    [Fact]
    public void Chunks_are_found_by_offset()
    {
        var blob = new GoldenBlob("native-l1.blob");
        var decoder = new ChunkDecoder(blob.Entry, blob.Table);
        Assert.Equal(0, decoder.FindChunk(0));
        Assert.Equal(0, decoder.FindChunk(12));
        Assert.Equal(1, decoder.FindChunk(13));
        Assert.Equal(1, decoder.FindChunk(4096));
        Assert.Equal(2, decoder.FindChunk(73728));
        Assert.Equal(415, decoder.FindChunk(decoder[415].UncompressedOffset));
        Assert.Equal(416, decoder.FindChunk(long.MaxValue));
    }

    [Fact]
    public void Wrong_bytes_are_found_by_digest_and_by_checksum()
    {
        var blob = new GoldenBlob("batch-l1.blob");
        var decoder = new ChunkDecoder(blob.Entry, blob.Table);
        byte[] chunk = new byte[decoder[2].UncompressedSize];
        (long offset, int length) = decoder.GetCompressedRange(2);
        decoder.Decode(2, blob.Bytes.AsSpan((int)offset, length), chunk);

        var undigested = new ChunkDecoder(blob.Entry, ChunkInfoReader.ReadSection(blob.Entry, blob.Bytes.AsSpan(517811, 1285 + 4096)));
        Assert.Equal(ChunkVerdict.Good, undigested.Verify(2, chunk));
        Assert.Equal(ChunkVerdict.Unverifiable, undigested.Verify(0, new byte[13]));
        chunk[77] ^= 1;
        Assert.Equal(ChunkVerdict.Corrupt, undigested.Verify(2, chunk));
        Assert.Equal(ChunkVerdict.Corrupt, decoder.Verify(2, chunk));
        Assert.Equal(ChunkVerdict.Corrupt, decoder.Verify(2, chunk.AsSpan(1)));
        Assert.Equal(2, decoder.FindCorrupt(decoder.GetUnit(decoder.GetUnitOf(2)), chunk));
    }

    [Fact]
    public void Bootstrap_vouches_for_digests_and_places()
    {
        var blob = new GoldenBlob("native-l2.blob");
        ChunkInfo[] trusted = [.. blob.Table.Chunks];
        ChunkInfoTable bare = ChunkInfoReader.ReadSection(blob.Entry, blob.Bytes.AsSpan(211608, 88 + 4096));
        Assert.Equal(default, bare.Chunks[3].Digest);
        trusted[1] = default;
        ChunkInfoTable merged = bare.WithTrusted(trusted);
        Assert.Equal(trusted[3].Digest, merged.Chunks[3].Digest);
        Assert.Equal(default, merged.Chunks[1].Digest);
        trusted[4] = trusted[4] with { UncompressedOffset = trusted[4].UncompressedOffset + 4096 };
        Assert.Throws<InvalidFormatException>(() => bare.WithTrusted(trusted));
    }

    [Fact]
    public void Bootstrap_table_with_missing_chunks_is_enough_for_native_blobs()
    {
        var blob = new GoldenBlob("native-l2.blob");
        ChunkInfo[] listed = [.. blob.Table.Chunks];
        listed[1] = default;
        listed[5] = default;
        var decoder = new ChunkDecoder(blob.Entry, listed);
        GoldenBlob.DecodeAll(decoder, blob.Bytes);
        Assert.Equal(0, decoder.GetUnit(1).UncompressedLength);
        Assert.Equal(2, decoder.FindChunk(4096));
        Assert.Equal(6, decoder.FindChunk(decoder[4].UncompressedOffset + decoder[4].UncompressedSize));
        var batch = new GoldenBlob("batch-l1.blob");
        Assert.Throws<InvalidFormatException>(() => new ChunkDecoder(batch.Entry, batch.Table.Chunks));
    }
}
