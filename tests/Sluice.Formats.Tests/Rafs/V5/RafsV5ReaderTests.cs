using System.Text.Json;
using Sluice.Formats.Compression;
using Sluice.Formats.Hashing;
using Sluice.Formats.Rafs;
using Sluice.Formats.Rafs.Blobs;
using Sluice.Formats.Rafs.V5;
using Sluice.Formats.Tests.Rafs.Blobs;
using Sluice.Formats.Trees;

namespace Sluice.Formats.Tests.Rafs.V5;

public sealed class RafsV5ReaderTests
{
    [Theory]
    [InlineData("sha256-nocompress-repeatable", DigestAlgorithm.Sha256)]
    [InlineData("blake3-lz4_block-non_repeatable", DigestAlgorithm.Blake3)]
    public void Golden_bootstraps_list_as_their_result_files_say(string name, DigestAlgorithm digester)
    {
        RafsImage image = RafsV5Reader.Read(GoldenBlob.Read(name));
        Assert.Equal((5, 1 << 20, digester), (image.Version, image.ChunkSize, image.Digester));
        string result = System.Text.Encoding.UTF8.GetString(GoldenBlob.Read(name + ".result"));
        using JsonDocument document = JsonDocument.Parse(result[..(result.LastIndexOf(']') + 1)]);
        (int directories, int files) = Compare(document.RootElement[0], image.Root);

        // tree(1) counts a symbolic link as what it points to, so only the sum is certain, and leaves out the root.
        JsonElement report = document.RootElement[1];
        Assert.Equal(report.GetProperty("directories").GetInt32() + report.GetProperty("files").GetInt32(), directories + files - 1);
        Assert.Single(image.Blobs);
        Assert.Equal(23, image.Chunks[0].Length);
        _ = new ChunkDecoder(image.Blobs[0], image.Chunks[0]);

        Inode foo = Find(image.Root, "hardlink-test/foo");
        Assert.Same(foo, Find(image.Root, "normal-file-test/test.sh"));
        Assert.Equal((944L, 0x1fd), (foo.Size, (int)foo.Mode));
        Inode holes = Find(image.Root, "normal-file-test/holefiles/head-hole-1");
        Assert.Equal([13, 13, 14], holes.Chunks.Select(chunk => chunk.Chunk));
        Assert.Equal("../hardlink-test-tt", Find(image.Root, "symlink-test/bar").LinkTarget.ToString());
    }

    [Fact]
    public void Contents_of_a_golden_image_decode_and_match()
    {
        RafsImage image = RafsV5Reader.Read(GoldenBlob.Read("generated/v5-dir.boot"));
        RafsBlob blob = Assert.Single(image.Blobs);
        Assert.Equal(Compressor.Lz4Block, image.Compressor);
        byte[] data = GoldenBlob.Read("generated/" + blob.Id);
        var decoder = new ChunkDecoder(blob, image.Chunks[0]);
        byte[] space = GoldenBlob.DecodeAll(decoder, data);
        GoldenBlob.DecodeSingly(decoder, data, space);

        // The image was built from the files of layer 2, whose native blob holds the same contents.
        var native = new GoldenBlob("native-l2.blob");
        var chunks = new ChunkDecoder(native.Entry, native.Table);
        byte[] nativeSpace = GoldenBlob.DecodeAll(chunks, native.Bytes);
        Inode file = Find(image.Root, "new/deep/tree/file");
        Assert.Equal((1065579L, 2), (file.Size, file.Chunks.Count));
        for (int i = 0; i < file.Chunks.Count; i++)
        {
            ChunkInfo mine = decoder[file.Chunks[i].Chunk];
            int twin = Array.FindIndex(native.Table.Chunks, chunk => chunk.Digest == mine.Digest);
            Assert.True(space.AsSpan((int)mine.UncompressedOffset, mine.UncompressedSize)
                .SequenceEqual(nativeSpace.AsSpan((int)chunks[twin].UncompressedOffset, mine.UncompressedSize)));
        }
    }

    /// <summary>
    /// The data blob that the golden bootstraps name is not at hand, but an LZ4 form of the same chunks is: bare blocks, one
    /// behind the other in chunk order. Where each one ends follows from its own sequences.
    /// </summary>
    [Theory]
    [InlineData("sha256-nocompress-repeatable")]
    [InlineData("blake3-lz4_block-non_repeatable")]
    public void Lz4_blob_holds_the_files_of_the_golden_bootstraps(string name)
    {
        RafsImage image = RafsV5Reader.Read(GoldenBlob.Read(name));
        byte[] data = GoldenBlob.Read("d7b86b1e74e316fe945741d1a9fa1b271459fe41481e304977659e0c6ecf56ac.blob");
        ChunkInfo[] chunks = [.. image.Chunks[0]];
        int position = 0;
        for (int i = 0; i < chunks.Length; i++)
        {
            int length = Lz4BlockLength(data.AsSpan(position), chunks[i].UncompressedSize);
            bool compressed = length < chunks[i].UncompressedSize;
            chunks[i] = chunks[i] with
            {
                CompressedOffset = position,
                CompressedSize = compressed ? length : chunks[i].UncompressedSize,
                Flags = compressed ? ChunkFlags.Compressed : ChunkFlags.None,
            };
            position += chunks[i].CompressedSize;
        }

        Assert.Equal(data.Length, position);
        var decoder = new ChunkDecoder(image.Blobs[0] with { Compressor = Compressor.Lz4Block }, chunks);
        byte[] space = GoldenBlob.DecodeAll(decoder, data);
        string[] sums = [.. System.Text.Encoding.UTF8.GetString(GoldenBlob.Read(name + ".result")).Split('\n').Where(line => line.Contains("  /", StringComparison.Ordinal))];
        Assert.Equal(23, sums.Length);
        foreach (string sum in sums)
        {
            Inode file = Find(image.Root, sum[35..]);
            byte[] content = [.. file.Chunks.SelectMany(chunk => space.AsSpan((int)decoder[chunk.Chunk].UncompressedOffset, decoder[chunk.Chunk].UncompressedSize).ToArray())];
            Assert.Equal(file.Size, content.Length);
#pragma warning disable CA5351 // the listing has MD5 sums
            Assert.Equal(sum[..32], Convert.ToHexStringLower(System.Security.Cryptography.MD5.HashData(content)));
#pragma warning restore CA5351
        }
    }

    [Fact]
    public void Mutated_bootstraps_read_or_fail_cleanly()
    {
        foreach (string name in (string[])["generated/v5-dir.boot", "sha256-nocompress-repeatable"])
        {
            byte[] golden = GoldenBlob.Read(name);
            int start = name.StartsWith("generated", StringComparison.Ordinal) ? 8192 : 0;
            Mutations.Run(golden, 3000, 11, start, bytes =>
            {
                RafsImage image = RafsV5Reader.Read(bytes);
                for (int i = 0; i < image.Blobs.Count; i++) _ = new ChunkDecoder(image.Blobs[i], image.Chunks[i]);
            });
        }
    }

    private static (int Directories, int Files) Compare(JsonElement expected, Inode inode)
    {
        switch (expected.GetProperty("type").GetString())
        {
            case "directory":
                Assert.Equal(FileType.Directory, inode.Type);
                var contents = expected.GetProperty("contents").EnumerateArray().ToList();
                Assert.Equal(contents.Select(entry => entry.GetProperty("name").GetString()).Order(StringComparer.Ordinal), inode.Entries!.Keys.Select(name => name.ToString()));
                (int Directories, int Files) sum = (1, 0);
                foreach (JsonElement entry in contents)
                {
                    (int directories, int files) = Compare(entry, inode.Entries![new FileName(entry.GetProperty("name").GetString()!)]);
                    sum = (sum.Directories + directories, sum.Files + files);
                }

                return sum;
            case "link":
                Assert.Equal(FileType.SymbolicLink, inode.Type);
                Assert.Equal(expected.GetProperty("target").GetString(), inode.LinkTarget.ToString());
                return (0, 1);
            default:
                Assert.Equal(FileType.Regular, inode.Type);
                return (0, 1);
        }
    }

    /// <summary>Length of the LZ4 block that decompresses to exactly <paramref name="size"/> bytes; <see cref="int.MaxValue"/> if there is none.</summary>
    private static int Lz4BlockLength(ReadOnlySpan<byte> data, int size)
    {
        int position = 0;
        for (int output = 0; position < data.Length;)
        {
            byte token = data[position++];
            int literals = Length(data, ref position, token >> 4);
            position += literals;
            output += literals;
            if (output == size) return position;
            if (output > size) break;
            position += 2; // the distance of the match
            output += 4 + Length(data, ref position, token & 15);
        }

        return int.MaxValue;
    }

    private static int Length(ReadOnlySpan<byte> data, ref int position, int length)
    {
        if (length < 15) return length;
        byte more = 255;
        while (more == 255 && position < data.Length)
        {
            more = data[position++];
            length += more;
        }

        return length;
    }

    private static Inode Find(Inode root, string path) =>
        path.Split('/').Aggregate(root, (inode, name) => inode.Entries![new FileName(name)]);
}
