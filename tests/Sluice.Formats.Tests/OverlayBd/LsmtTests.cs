using System.Security.Cryptography;
using Sluice.Formats.OverlayBd.Lsmt;
using Sluice.Testing;

namespace Sluice.Formats.Tests.OverlayBd;

public sealed class LsmtTests
{
    [Fact]
    public void Golden_stacks_flatten_to_the_known_device()
    {
        byte[] device = new byte[64 << 20];
        string[] expected =
        [
            "dd1111284c2f6f279bce15a7562db7c0f144d6988d84291817c5a5a36c06d671",
            "0b6d8174860eccaa3004269ec14d90eda534334cfc0282f4cc7c61b346527275",
            "8f235058db75a93ab02d02ea04875ab4cf9233ae78c33a37147f5e504b069abb",
        ];
        for (int i = 0; i < expected.Length; i++)
        {
            var layer = new LsmtFile(GoldenFiles.Read($"lsmt/layer{i}.lsmt"));
            Assert.Equal(64 << 20, layer.Trailer.VirtualSize);
            Assert.Equal($"golden layer {i}", layer.Trailer.UserTag);
            Assert.StartsWith(new string((char)('1' + i), 8), layer.Trailer.Uuid, StringComparison.Ordinal);
            layer.Apply(device);
            Assert.Equal(expected[i], Convert.ToHexStringLower(SHA256.HashData(device)));
        }
    }

    [Theory]
    [InlineData("layer0.lsmt")]
    [InlineData("layer1.lsmt")]
    [InlineData("layer2.lsmt")]
    [InlineData("sparse_committed.lsmt")]
    public void Committed_layers_are_written_byte_for_byte(string name)
    {
        var layer = new LsmtFile(GoldenFiles.Read("lsmt/" + name));
        using var output = new MemoryStream();
        LsmtHeader trailer = LsmtCommit.Write(layer.Extents, layer.ReadSectors, output, layer.Options);
        Assert.Equal(layer.Trailer, trailer);
        Assert.Equal(layer.Bytes, output.ToArray());
    }

    [Fact]
    public void A_replayed_log_commits_to_the_real_commit()
    {
        byte[] data = GoldenFiles.Read("lsmt/rw_append.data");
        var index = new LsmtMutableIndex();
        LsmtHeader log = LsmtLog.ReplayFile(GoldenFiles.Read("lsmt/rw_append.index"), data.Length, index);
        LsmtHeader header = LsmtHeader.Read(data);
        Assert.Equal(LsmtHeader.ForLog(header), log);
        Assert.Equal(LsmtHeader.ForData(header.VirtualSize, header.Uuid, header.ParentUuid), header);
        var golden = new LsmtFile(GoldenFiles.Read("lsmt/layer2.lsmt"));
        using var output = new MemoryStream();
        LsmtCommit.Write(index.ToArray(), (_, sector, target) => data.AsSpan((int)sector * 512, target.Length).CopyTo(target), output, golden.Options);
        Assert.Equal(golden.Bytes, output.ToArray());
    }

    [Fact]
    public void A_sparse_layer_commits_to_the_real_commit()
    {
        byte[] data = GoldenFiles.Read("lsmt/sparse_data");
        Assert.Equal(LsmtFlags.Header | LsmtFlags.DataFile | LsmtFlags.Sparse, LsmtHeader.Read(data).Flags);
        var golden = new LsmtFile(GoldenFiles.Read("lsmt/sparse_committed.lsmt"));
        var index = new LsmtMutableIndex();
        for (int at = 0; at < data.Length; at += 4096)
        {
            if (data.AsSpan(at, 4096).ContainsAnyExcept((byte)0)) LsmtLog.AddSparse(at, at + 4096, index);
        }

        using var output = new MemoryStream();
        LsmtCommit.Write(index.ToArray(), (_, sector, target) => data.AsSpan((int)sector * 512, target.Length).CopyTo(target), output, golden.Options);
        Assert.Equal(golden.Bytes, output.ToArray());
    }

    [Fact]
    public void Sealing_gives_the_real_sealed_file()
    {
        byte[] golden = GoldenFiles.Read("lsmt/sealed_rw_layer1.lsmt");
        var layer = new LsmtFile(golden);
        var dataLength = (int)layer.Trailer.IndexOffset;
        LsmtHeader header = LsmtHeader.Read(golden);
        byte[] sealedPart = LsmtSeal.Make(header, dataLength, layer.Extents);

        // The real tool pads the index with whatever its memory held.
        int indexLength = layer.Extents.Length * LsmtExtent.Bytes;
        Assert.Equal(golden.Length, dataLength + sealedPart.Length);
        Assert.Equal(golden[dataLength..(dataLength + indexLength)], sealedPart[..indexLength]);
        Assert.Equal(golden[^4096..], sealedPart[^4096..]);
        using var output = new MemoryStream();
        var committed = new LsmtFile(GoldenFiles.Read("lsmt/layer1.lsmt"));
        LsmtCommit.Write(layer.Extents, layer.ReadSectors, output, committed.Options);
        Assert.Equal(committed.Bytes, output.ToArray());
    }

    [Fact]
    public void Files_of_TurboOCI_keep_their_layers()
    {
        byte[] bytes = ZFileTests.Decode(GoldenFiles.Read("turbo/ext4.fs.meta"));
        var layer = new LsmtFile(bytes, warp: true);
        Assert.Equal(22, layer.Extents.Length);
        Assert.Contains(layer.Extents, extent => extent.Layer == LsmtIndexReader.RemoteLayer);
        using var output = new MemoryStream();
        LsmtCommit.Write(layer.Extents, layer.ReadSectors, output, layer.Options with { Warp = true });
        Assert.Equal(bytes, output.ToArray());
        Assert.Throws<InvalidFormatException>(() => new LsmtFile(bytes));
    }

    [Theory]
    [InlineData(21)]
    [InlineData(22)]
    [InlineData(23)]
    public void Zeros_become_extents_without_data(int seed)
    {
        var random = new Random(seed);
        byte[] device = new byte[6 << 20];
        for (int i = 0; i < 60; i++) random.NextBytes(device.AsSpan(random.Next(device.Length - 70_000), random.Next(1, 70_000)));
        var extents = new List<LsmtExtent>();
        for (int sector = random.Next(30); sector < device.Length / 512 - 3000; sector += random.Next(2) * random.Next(40))
        {
            int count = random.Next(1, 3000);
            extents.Add(new LsmtExtent(sector, count, sector));
            sector += count;
        }

        byte[] expected = new byte[device.Length];
        foreach (LsmtExtent extent in extents) device.AsSpan((int)extent.Offset * 512, extent.Length * 512).CopyTo(expected.AsSpan((int)extent.Offset * 512));
        LsmtFile plain = Commit(false), smaller = Commit(true);
        Assert.True(smaller.Bytes.Length < plain.Bytes.Length);
        Assert.Contains(smaller.Extents, extent => extent.IsZeroed);
        Assert.All(smaller.Extents.Where(extent => !extent.IsZeroed), extent =>
        {
            for (long at = (extent.Offset + 7) & ~7L; at + 8 <= extent.End; at += 8)
            {
                // A zero block may stay where two of the given extents meet in it.
                if (device.AsSpan((int)at * 512, 4096).ContainsAnyExcept((byte)0)) continue;
                Assert.DoesNotContain(extents, given => given.Offset <= at && given.End >= at + 8);
            }
        });
        foreach (LsmtFile layer in (LsmtFile[])[plain, smaller])
        {
            byte[] result = new byte[device.Length];
            Array.Fill(result, (byte)0xEE);
            byte[] before = [.. result];
            foreach (LsmtExtent extent in extents) expected.AsSpan((int)extent.Offset * 512, extent.Length * 512).CopyTo(before.AsSpan((int)extent.Offset * 512));
            layer.Apply(result);
            Assert.Equal(before, result);
        }

        LsmtFile Commit(bool detect)
        {
            using var output = new MemoryStream();
            LsmtCommit.Write(extents, (_, sector, target) => device.AsSpan((int)sector * 512, target.Length).CopyTo(target), output, new LsmtLayerOptions { VirtualSize = device.Length, DetectZeros = detect });
            return new LsmtFile(output.ToArray());
        }
    }

    [Fact]
    public void An_empty_layer_has_no_index()
    {
        using var output = new MemoryStream();
        LsmtHeader trailer = new LsmtLayerWriter(output, new LsmtLayerOptions { VirtualSize = 1 << 30 }).Complete();
        Assert.Equal(8192, output.Length);
        Assert.Equal(0, trailer.IndexCount);
        Assert.Empty(new LsmtFile(output.ToArray()).Extents);
    }

    [Fact]
    public void The_independent_decoder_reads_what_is_written()
    {
        _ = GoldenFiles.Path("");
        using var directory = new TemporaryDirectory();
        var layer = new LsmtFile(GoldenFiles.Read("lsmt/layer0.lsmt"));
        using (FileStream output = File.Create(directory.File("a.lsmt")))
        {
            LsmtCommit.Write(layer.Extents, layer.ReadSectors, output, layer.Options with { DetectZeros = true });
        }

        string flattened = GoldenFiles.Verify(directory.Path, "stack", "-", "a.lsmt");
        Assert.Contains("dd1111284c2f6f279bce15a7562db7c0f144d6988d84291817c5a5a36c06d671", flattened, StringComparison.Ordinal);
    }
}
