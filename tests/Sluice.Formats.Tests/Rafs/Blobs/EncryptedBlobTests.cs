using System.Buffers.Binary;
using Sluice.Formats.Compression;
using Sluice.Formats.Hashing;
using Sluice.Formats.Rafs;
using Sluice.Formats.Rafs.Blobs;

namespace Sluice.Formats.Tests.Rafs.Blobs;

/// <summary>No encrypted golden file is at hand: the tests build such a blob by the facts, with a second implementation of the padding.</summary>
public sealed class EncryptedBlobTests
{
    private static readonly byte[] Key = [.. Enumerable.Range(1, 32).Select(i => (byte)i)];
    private static readonly byte[] Iv = [.. Enumerable.Range(100, 16).Select(i => (byte)i)];

    private static RafsBlob Blob => new()
    {
        Id = new string('e', 64),
        ChunkSize = 0x10000,
        Compressor = Compressor.Zstd,
        Cipher = RafsCipher.Aes128Xts,
        CipherKey = Key,
        CipherIv = Iv,
        Features = BlobFeatures.Aligned | BlobFeatures.ChunkInfoV2 | BlobFeatures.Encrypted,
    };

    [Fact]
    public void Encrypted_chunks_and_chunk_info_are_read()
    {
        var random = new Random(3);
        using var data = new MemoryStream();
        var contents = new List<byte[]>();
        var chunks = new List<ChunkInfo>();
        long position = 0;
        foreach (int size in (int[])[1, 13, 15, 16, 17, 18, 31, 4096, 5000, 65536, 65536])
        {
            byte[] content = new byte[size];
            if (contents.Count != 9) random.NextBytes(content);
            byte[] buffer = new byte[size + 1024];
            int length = ChunkCodec.Compress(Compressor.Zstd, content, buffer);
            byte[] stored = Encrypt(length < 0 ? content : buffer[..length]);
            chunks.Add(new ChunkInfo
            {
                CompressedOffset = data.Length,
                CompressedSize = stored.Length,
                UncompressedOffset = position,
                UncompressedSize = size,
                Flags = ChunkFlags.Encrypted | ChunkFlags.HasCrc32 | (length < 0 ? ChunkFlags.None : ChunkFlags.Compressed),
                Crc32 = Crc32C.Compute(content),
            });
            contents.Add(content);
            data.Write(stored);
            position += (size + 4095) & ~4095;
        }

        var table = new ChunkInfoTable { Features = Blob.Features, Chunks = [.. chunks] };
        (byte[] array, ChunkInfoHeader header) = ChunkInfoWriter.Pack(table, ChunkInfoWriter.WriteArray(table), Compressor.Zstd, data.Length);
        byte[] headerBytes = new byte[ChunkInfoHeader.Size];
        header.Write(headerBytes);
        RafsBlob blob = Blob with
        {
            ChunkCount = chunks.Count,
            UncompressedSize = position,
            ChunkInfoCompressor = header.Compressor,
            ChunkInfoOffset = data.Length,
            ChunkInfoCompressedSize = array.Length,
            ChunkInfoUncompressedSize = header.UncompressedSize,
        };
        byte[] section = [.. Encrypt(array), .. Encrypt(headerBytes)];
        Assert.Throws<InvalidFormatException>(() => ChunkInfoReader.ReadSection(section));
        var decoder = new ChunkDecoder(blob, ChunkInfoReader.ReadSection(blob, section));
        byte[] bytes = data.ToArray();
        byte[] space = GoldenBlob.DecodeAll(decoder, bytes);
        GoldenBlob.DecodeSingly(decoder, bytes, space);
        for (int i = 0; i < contents.Count; i++) Assert.Equal(contents[i], space[(int)decoder[i].UncompressedOffset..][..contents[i].Length]);

        // With another key, every chunk is noise that the checksum or the decompressor finds.
        byte[] otherKey = (byte[])Key.Clone();
        otherKey[5] ^= 1;
        var wrong = new ChunkDecoder(blob with { CipherKey = otherKey }, table);
        for (int i = 0; i < wrong.UnitCount; i++)
        {
            ChunkUnit unit = wrong.GetUnit(i);
            byte[] decoded = new byte[unit.UncompressedLength];
            try
            {
                wrong.DecodeUnit(unit, bytes.AsSpan((int)unit.CompressedOffset, unit.CompressedLength), decoded);
                Assert.Equal(i, wrong.FindCorrupt(unit, decoded));
            }
            catch (InvalidFormatException)
            {
            }
        }
    }

    [Fact]
    public void Encrypted_batches_are_read_even_when_tiny()
    {
        byte[] batch = "abcdefghij"u8.ToArray();
        byte[] stored = Encrypt(batch);
        var table = new ChunkInfoTable
        {
            Features = Blob.Features | BlobFeatures.Batch,
            Batches = [new BatchContext(stored.Length, batch.Length)],
            Chunks =
            [
                new ChunkInfo { CompressedOffset = 0, CompressedSize = 0, UncompressedOffset = 0, UncompressedSize = 4, Flags = ChunkFlags.Encrypted | ChunkFlags.Batch | ChunkFlags.Compressed },
                new ChunkInfo { CompressedOffset = 0, CompressedSize = 0, UncompressedOffset = 4096, UncompressedSize = 6, Data = 4, Flags = ChunkFlags.Encrypted | ChunkFlags.Batch | ChunkFlags.Compressed },
            ],
        };
        var decoder = new ChunkDecoder(Blob, table);
        ChunkUnit unit = decoder.GetUnit(0);
        byte[] decoded = new byte[unit.UncompressedLength];
        decoder.DecodeUnit(unit, stored, decoded);
        Assert.Equal((1, 2, 18, 4102), (decoder.UnitCount, unit.ChunkCount, unit.CompressedLength, unit.UncompressedLength));
        Assert.Equal("abcd"u8, decoded.AsSpan(0, 4));
        Assert.Equal("efghij"u8, decoded.AsSpan(4096));
        Assert.False(decoded.AsSpan(4, 4092).ContainsAnyExcept((byte)0));
    }

    [Fact]
    public void Missing_or_weak_keys_are_refused()
    {
        Assert.Throws<InvalidFormatException>(() => new ChunkDecoder(Blob with { Cipher = RafsCipher.None }, []));
        Assert.Throws<InvalidFormatException>(() => new ChunkDecoder(Blob with { Cipher = RafsCipher.Aes256Gcm }, []));
        Assert.Throws<InvalidFormatException>(() => new ChunkDecoder(Blob with { CipherKey = new byte[32] }, []));
        Assert.Throws<InvalidFormatException>(() => new ChunkDecoder(Blob with { CipherIv = default }, []));
    }

    private static byte[] Encrypt(byte[] plain)
    {
        using var cipher = new Sluice.Formats.Encryption.AesXts(Key);
        if (plain.Length < 16)
        {
            byte missing = (byte)(16 - plain.Length);
            byte[] padded = [.. plain, .. Enumerable.Repeat(missing, missing), 0, 0];
            BinaryPrimitives.WriteUInt16BigEndian(padded.AsSpan(16), 0x7890);
            plain = padded;
        }

        byte[] result = new byte[plain.Length];
        cipher.Encrypt(Iv, plain, result);
        return result;
    }
}
