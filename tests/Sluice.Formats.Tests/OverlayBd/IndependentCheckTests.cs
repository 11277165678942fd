using System.Security.Cryptography;
using Sluice.Formats.Gzip;
using Sluice.Formats.OverlayBd;
using Sluice.Formats.OverlayBd.Lsmt;
using Sluice.Formats.OverlayBd.ZFile;
using Sluice.Testing;

namespace Sluice.Formats.Tests.OverlayBd;

/// <summary>
/// Every kind of file that we write, read by the decoder beside the golden files, which shares no code with us; what it doesn't know is
/// compared with what the real tools wrote, byte for byte.
/// </summary>
public sealed class IndependentCheckTests
{
    private const int Device = 8 << 20;

    private static readonly LsmtLayerOptions Options = new()
    {
        VirtualSize = Device,
        Uuid = "11111111-2222-3333-4444-555555555555",
        ParentUuid = "66666666-7777-8888-9999-aaaaaaaaaaaa",
        UserTag = "a tag",
    };

    public static TheoryData<string, ZFileAlgorithm?, int> Shapes
    {
        get
        {
            TheoryData<string, ZFileAlgorithm?, int> shapes = [];
            foreach (string tar in (string[])["bare", "plain", "pax"])
            {
                shapes.Add(tar, null, 0);
                foreach (ZFileAlgorithm algorithm in Enum.GetValues<ZFileAlgorithm>())
                {
                    foreach (int kib in (int[])[4, 8, 16, 32, 64]) shapes.Add(tar, algorithm, kib);
                }
            }

            return shapes;
        }
    }

    [Theory]
    [MemberData(nameof(Shapes))]
    public void Layers_in_every_wrapping(string tar, ZFileAlgorithm? algorithm, int kib)
    {
        using var directory = new TemporaryDirectory();
        byte[] device = new byte[Device];
        byte[] layer = Committed(1, device);
        File.WriteAllBytes(directory.File("layer"), Wrap(layer, tar, algorithm, kib));
        AssertDevice(directory, device, "layer");
        string info = GoldenFiles.Verify(directory.Path, "info", "layer");
        string wrapper = tar switch { "plain" => "(512, ", "pax" => "(1536, ", _ => "None" };
        Assert.Contains($"tar {wrapper}", info, StringComparison.Ordinal);
        Assert.DoesNotContain("False", info, StringComparison.Ordinal); // digests and checksums
        if (algorithm is not null) Assert.Contains($"'bs': {Math.Min(kib, 32) << 10}, 'algo': {(int)algorithm}", info, StringComparison.Ordinal);
        AssertHeaders(info, header: 7, trailer: 6); // (64 KiB fall back to 32: there is noise in the layer)
    }

    [Fact]
    public void Layers_in_the_order_of_writing()
    {
        using var directory = new TemporaryDirectory();
        byte[] device = new byte[Device];
        using (FileStream output = File.Create(directory.File("lower"))) output.Write(Committed(2, device));
        var random = new Random(3);
        using (FileStream output = File.Create(directory.File("upper")))
        {
            var writer = new LsmtAppendWriter(output, Options);
            for (int i = 0; i < 300; i++) Write(random, device, writer.Write, writer.WriteZeros);
            writer.Complete();
        }

        AssertDevice(directory, device, "lower", "upper");
        AssertHeaders(GoldenFiles.Verify(directory.Path, "info", "upper"), header: 7, trailer: 6);
    }

    [Fact]
    public void Writable_layers_that_were_sealed()
    {
        using var directory = new TemporaryDirectory();
        byte[] device = new byte[Device];
        var random = new Random(4);
        var header = LsmtHeader.ForData(Device, Options.Uuid, Options.ParentUuid);
        var index = new LsmtMutableIndex();
        using var file = new MemoryStream();
        byte[] start = new byte[LsmtHeader.Size];
        header.Write(start);
        file.Write(start);
        for (int i = 0; i < 300; i++)
        {
            Write(random, device, (sector, data) =>
            {
                index.Insert(new LsmtExtent(sector, data.Length / LsmtExtent.SectorSize, file.Length / LsmtExtent.SectorSize));
                file.Write(data);
            }, (sector, count) => index.InsertZeros(sector, count, file.Length / LsmtExtent.SectorSize));
        }

        byte[] seal = LsmtSeal.Make(header, file.Length, index.ToArray());
        file.Write(seal);
        File.WriteAllBytes(directory.File("sealed"), file.ToArray());
        AssertDevice(directory, device, "sealed");
        AssertHeaders(GoldenFiles.Verify(directory.Path, "info", "sealed"), header: 3, trailer: 6, tag: "");

        var sealedLayer = new LsmtFile(file.ToArray());
        using (FileStream output = File.Create(directory.File("committed"))) LsmtCommit.Write(sealedLayer.Extents, sealedLayer.ReadSectors, output, Options);
        AssertDevice(directory, device, "committed");
    }

    [Fact]
    public void Indexes_over_ordinary_layers()
    {
        using var directory = new TemporaryDirectory();
        using (FileStream output = File.Create(directory.File("warp")))
        {
            var writer = new LsmtLayerWriter(output, Options with { Warp = true, DetectZeros = false });
            writer.Write(8, new byte[4096]);
            writer.WriteRemote(16, 40, 3);
            writer.WriteZeros(100, 8);
            writer.Complete();
        }

        string info = GoldenFiles.Verify(directory.Path, "info", "warp");
        AssertHeaders(info, header: 7, trailer: 6);
        Assert.Contains("(8, 8, 8, 0, 0), (16, 40, 3, 0, 1), (100, 8, 16, 1, 0)", info, StringComparison.Ordinal);
    }

    [Fact]
    public void Writable_layers_begin_as_the_real_ones()
    {
        foreach ((string name, bool sparse) in new[] { ("rw_append.data", false), ("sparse_data", true) })
        {
            byte[] golden = GoldenFiles.Read("lsmt/" + name)[..LsmtHeader.Size];
            LsmtHeader known = LsmtHeader.Read(golden);
            byte[] written = new byte[LsmtHeader.Size];
            LsmtHeader.ForData(known.VirtualSize, known.Uuid, known.ParentUuid, sparse).Write(written);
            Assert.Equal(golden, written);
        }

        byte[] log = GoldenFiles.Read("lsmt/rw_append.index"), ours = new byte[LsmtHeader.Size];
        LsmtHeader.ForLog(LsmtHeader.Read(GoldenFiles.Read("lsmt/rw_append.data"))).Write(ours);
        Assert.Equal(log[..LsmtHeader.Size], ours);
    }

    [Fact]
    public void Traces_are_written_as_the_real_ones()
    {
        byte[] golden = GoldenFiles.Read("trace/stack3.trace"), written = TraceFile.Write(TraceFile.Read(golden));
        Assert.Equal(golden.Length, written.Length);
        golden.AsSpan(4, 4).Clear(); // the real tool leaves rubbish between fields, which its checksum covers
        golden.AsSpan(16, 8).Clear();
        written.AsSpan(16, 8).Clear();
        for (int record = TraceFile.RecordSize; record < golden.Length; record += TraceFile.RecordSize) golden.AsSpan(record + 1, 3).Clear();
        Assert.Equal(golden, written);
    }

    /// <summary>Python's zlib starts at every checkpoint that we wrote. Layout: <see cref="GzipIndex"/>.</summary>
    [Fact]
    public void Gzip_indexes_lead_another_decoder_into_the_file()
    {
        using var directory = new TemporaryDirectory();
        byte[] content = Compression.Samples.Text(new Random(5), 3_000_000);
        using var stream = new MemoryStream();
        using (var writer = new System.IO.Compression.GZipStream(stream, System.IO.Compression.CompressionLevel.Optimal, leaveOpen: true)) writer.Write(content);
        byte[] gzip = stream.ToArray();
        using var builder = new GzipIndexBuilder(headerLength: 10, distance: 300_000);
        byte[] output = new byte[64 << 10];
        for (int at = 10, consumed; at < gzip.Length - 8; at += consumed)
        {
            if (builder.Decode(gzip.AsSpan(at), output, out consumed) == 0 && consumed == 0) break;
        }

        GzipIndex index = builder.Complete(gzip.Length);
        Assert.True(index.Checkpoints.Length > 3);
        File.WriteAllBytes(directory.File("gzip.meta"), index.Write());
        File.WriteAllBytes(directory.File("file.gz"), gzip);
        File.WriteAllBytes(directory.File("plain"), content);
        File.WriteAllText(directory.File("check.py"), GzipIndexCheck);
        Assert.Equal($"{index.Checkpoints.Length}", Tar.Tool.Run(directory.Path, "python3", "check.py").Trim());
    }

    private const string GzipIndexCheck = """
        import struct, zlib
        meta, gz, plain = (open(name, 'rb').read() for name in ('gzip.meta', 'file.gz', 'plain'))
        magic, major, minor, algorithm, level, flag, span, window, entry, count, gzip_size, meta_size, size = struct.unpack_from('<8sBBBBBiiiqqqq', meta)
        start, area = struct.unpack_from('<qq', meta, 313)
        assert (magic, major, minor, algorithm, window, entry) == (b'ddgzidx\0', 1, 0, 1, 32768, 29), magic
        assert (span, gzip_size, meta_size, size) == (300000, len(gz), len(meta), len(plain)) and start + area == len(meta)
        table = zlib.decompress(meta[start:])
        assert len(table) == 29 * count
        for i in range(count):
            position, packed, place, bits, length = struct.unpack_from('<qqqBI', table, 29 * i)
            history = zlib.decompress(meta[place:place + length]) if length else b''
            assert history[-len(plain[:position]):] == plain[max(0, position - len(history)):position]
            stream = gz[packed:]
            if bits:
                value = int.from_bytes(gz[packed - 1:], 'little') >> (8 - bits)
                stream = value.to_bytes(len(gz) - packed + 1, 'little')
            inflater = zlib.decompressobj(-15, zdict=history) if history else zlib.decompressobj(-15)
            assert inflater.decompress(stream, 500000) == plain[position:position + 500000], i
        print(count)
        """;

    private static byte[] Committed(int seed, byte[] device)
    {
        var random = new Random(seed);
        using var output = new MemoryStream();
        var writer = new LsmtLayerWriter(output, Options);
        for (int sector = random.Next(20); sector < (Device / 512) - 400; sector += random.Next(1, 60))
        {
            byte[] data = Data(random, random.Next(1, 400));
            if (random.Next(5) == 0)
            {
                writer.WriteZeros(sector, data.Length / 512);
                device.AsSpan(sector * 512, data.Length).Clear();
            }
            else
            {
                writer.Write(sector, data);
                data.CopyTo(device, sector * 512);
            }

            sector += data.Length / 512;
        }

        writer.Complete();
        return output.ToArray();
    }

    private static void Write(Random random, byte[] device, Action<long, ReadOnlySpan<byte>> write, Action<long, long> writeZeros)
    {
        byte[] data = Data(random, random.Next(1, 300));
        int sector = random.Next((Device - data.Length) / 512);
        if (random.Next(4) == 0)
        {
            device.AsSpan(sector * 512, data.Length).Clear();
            writeZeros(sector, data.Length / 512);
            return;
        }

        data.CopyTo(device, sector * 512);
        write(sector, data);
    }

    private static byte[] Data(Random random, int sectors)
    {
        byte[] data = new byte[sectors * 512];
        if (random.Next(3) > 0) random.NextBytes(data.AsSpan(0, random.Next(data.Length)));
        return data;
    }

    private static byte[] Wrap(byte[] layer, string tar, ZFileAlgorithm? algorithm, int kib)
    {
        using var output = new MemoryStream();
        using TarWrapperWriter? wrapper = tar == "bare" ? null : new TarWrapperWriter(output, plain: tar == "plain");
        Stream target = (Stream?)wrapper ?? output;
        if (algorithm is null)
        {
            target.Write(layer);
        }
        else
        {
            using var zfile = new ZFileWriter(target, new ZFileOptions { Algorithm = algorithm.Value, BlockSize = kib << 10 });
            zfile.Write(layer);
            zfile.Complete();
        }

        wrapper?.Complete();
        return output.ToArray();
    }

    private static void AssertDevice(TemporaryDirectory directory, byte[] device, params string[] layers) =>
        Assert.Contains(Convert.ToHexStringLower(SHA256.HashData(device)), GoldenFiles.Verify(directory.Path, ["stack", "-", .. layers]), StringComparison.Ordinal);

    private static void AssertHeaders(string info, int header, int trailer, string? tag = null)
    {
        foreach ((string name, int flags) in new[] { ("header", header), ("trailer", trailer) })
        {
            string line = info.Split('\n').Single(text => text.StartsWith(name + " {", StringComparison.Ordinal));
            Assert.Contains($"'flags': {flags},", line, StringComparison.Ordinal);
            Assert.Contains($"'vsize': {Device}, 'uuid': '{Options.Uuid}', 'parent': '{Options.ParentUuid}'", line, StringComparison.Ordinal);
            Assert.Contains($"'tag': '{tag ?? Options.UserTag}'", line, StringComparison.Ordinal);
        }
    }
}
