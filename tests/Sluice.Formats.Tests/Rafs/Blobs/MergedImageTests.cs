using System.IO.Compression;
using System.Security.Cryptography;
using System.Text.Json;
using Sluice.Formats.Rafs;
using Sluice.Formats.Rafs.Blobs;
using Sluice.Formats.Trees;

namespace Sluice.Formats.Tests.Rafs.Blobs;

/// <summary>Whole images: a merged bootstrap names the chunks, blobs or OCI layers hold them, and the kernel's own listing judges.</summary>
public sealed class MergedImageTests
{
    [Theory]
    [InlineData("merged-native.boot", true)]
    [InlineData("merged-native.boot", false)]
    [InlineData("merged-zran.boot", true)]
    [InlineData("merged-tarfs.boot", false)]
    public void Files_of_merged_images_are_those_that_the_kernel_reads(string bootstrap, bool withChunkInfo)
    {
        RafsImage image = RafsReader.Read(GoldenBlob.Read("generated/" + bootstrap));
        var decoders = new ChunkDecoder[image.Blobs.Count];
        byte[][] spaces = new byte[image.Blobs.Count][];
        for (int i = 0; i < decoders.Length; i++)
        {
            RafsBlob blob = image.Blobs[i];
            decoders[i] = withChunkInfo
                ? new ChunkDecoder(blob, ReadChunkInfo(blob, i).WithTrusted(image.Chunks[i]))
                : new ChunkDecoder(blob, image.Chunks[i]);
            spaces[i] = GoldenBlob.DecodeAll(decoders[i], ReadData(image, i));
        }

        Dictionary<string, string> expected = ReadListing();
        int files = 0;
        foreach ((string path, Inode file) in Walk(image.Root, "").Where(entry => entry.Inode.Type == FileType.Regular))
        {
            byte[] content = [.. file.Chunks.SelectMany(chunk => Slice(decoders[chunk.Blob][chunk.Chunk], spaces[chunk.Blob]))];
            Assert.Equal(file.Size, content.Length);
            Assert.Equal(expected[path], Convert.ToHexStringLower(SHA256.HashData(content)));
            files++;
        }

        Assert.Equal(expected.Count, files);
    }

    private static byte[] Slice(in ChunkInfo chunk, byte[] space) => space[(int)chunk.UncompressedOffset..][..chunk.UncompressedSize];

    private static ChunkInfoTable ReadChunkInfo(RafsBlob blob, int layer)
    {
        string name = blob.Features.HasFlag(BlobFeatures.Separate) ? "zran" : "native";
        (long offset, int length) = ChunkInfoReader.GetRange(blob);
        return ChunkInfoReader.ReadSection(blob, GoldenBlob.Read($"generated/{name}-l{layer + 1}.blob").AsSpan((int)offset, length));
    }

    private static byte[] ReadData(RafsImage image, int layer)
    {
        if (!image.IsTarfs) return GoldenBlob.Read(image.Blobs[layer].Features.HasFlag(BlobFeatures.Separate) ? $"generated/layer{layer + 1}.tar.gz" : $"generated/native-l{layer + 1}.blob");
        using var gzip = new GZipStream(new MemoryStream(GoldenBlob.Read($"generated/layer{layer + 1}.tar.gz")), CompressionMode.Decompress);
        using var tar = new MemoryStream();
        gzip.CopyTo(tar);
        return tar.ToArray();
    }

    /// <summary>Path to sha256 of every regular file.</summary>
    private static Dictionary<string, string> ReadListing()
    {
        var listing = new Dictionary<string, string>();
        foreach (string line in File.ReadLines(Testing.Golden.Path("nydus/generated/exp-native.jsonl")))
        {
            using JsonDocument document = JsonDocument.Parse(line);
            if (document.RootElement.TryGetProperty("sha256", out JsonElement sum) && sum.GetString() is { } text)
            {
                listing.Add(document.RootElement.GetProperty("path").GetString()!, text);
            }
        }

        return listing;
    }

    private static IEnumerable<(string Path, Inode Inode)> Walk(Inode directory, string path)
    {
        foreach ((FileName name, Inode inode) in directory.Entries!)
        {
            string own = $"{path}/{name}";
            yield return (own, inode);
            if (inode.Type != FileType.Directory) continue;
            foreach ((string, Inode) entry in Walk(inode, own)) yield return entry;
        }
    }
}
