using Sluice.Formats.OverlayBd;
using Sluice.Formats.OverlayBd.ZFile;
using Sluice.Formats.Tar;
using Sluice.Testing;

namespace Sluice.Formats.Tests.OverlayBd;

public sealed class TarWrapperTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void Golden_tars_are_read_and_written_byte_for_byte(int layer)
    {
        byte[] golden = GoldenFiles.Read($"tar/ext4_layer{layer}.tar");
        Assert.True(TarWrapper.TryRead(golden, golden.Length, out TarWrapper wrapper));
        Assert.Equal(TarWrapper.PaxPayloadOffset, wrapper.PayloadOffset);
        Assert.Equal(golden.Length, wrapper.TotalLength);
        byte[] payload = golden.AsSpan(wrapper.PayloadOffset, (int)wrapper.PayloadLength).ToArray();
        foreach (long? announced in (long?[])[payload.Length, null])
        {
            using var output = new MemoryStream();
            var writer = new TarWrapperWriter(output, announced);
            writer.Write(payload);
            Assert.Equal(wrapper, writer.Complete());
            Assert.Equal(golden, output.ToArray());
        }
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void The_whole_layer_is_written_byte_for_byte_in_one_pass(int layer)
    {
        // LSMT content of the real layer, through our ZFile with its header written again, into our tar.
        byte[] golden = GoldenFiles.Read($"tar/ext4_layer{layer}.tar");
        TarWrapper.TryRead(golden, golden.Length, out TarWrapper wrapper);
        var lsmt = new LsmtFile(ZFileTests.Decode(golden.AsSpan(wrapper.PayloadOffset, (int)wrapper.PayloadLength).ToArray()));
        using var output = new MemoryStream();
        var tar = new TarWrapperWriter(output);
        var zfile = new ZFileWriter(tar, new ZFileOptions { OverwriteHeader = true });
        Sluice.Formats.OverlayBd.Lsmt.LsmtCommit.Write(lsmt.Extents, lsmt.ReadSectors, zfile, lsmt.Options);
        zfile.Complete();
        tar.Complete();
        Assert.Equal(golden, output.ToArray());
    }

    [Fact]
    public void Blocks_are_taken_back_inside_a_tar()
    {
        byte[] noise = new byte[400_000];
        new Random(2).NextBytes(noise);
        noise.AsSpan(0, 130_000).Clear();
        using var output = new MemoryStream();
        var tar = new TarWrapperWriter(output);
        var zfile = new ZFileWriter(tar, new ZFileOptions { BlockSize = 64 << 10, OverwriteHeader = true });
        zfile.Write(noise);
        ZFileHeader trailer = zfile.Complete();
        TarWrapper wrapper = tar.Complete();
        Assert.Equal(32 << 10, trailer.BlockSize);
        Assert.Equal(trailer.FileLength, wrapper.PayloadLength);
        Assert.Equal(wrapper.TotalLength, output.Length);
        Assert.Equal(noise, ZFileTests.Decode(output.ToArray().AsSpan(wrapper.PayloadOffset, (int)wrapper.PayloadLength).ToArray()));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Both_shapes_are_tars(bool plain)
    {
        byte[] payload = new byte[12_345];
        new Random(1).NextBytes(payload);
        using var output = new MemoryStream();
        output.Write(new byte[100]);
        var writer = new TarWrapperWriter(output, plain: plain);
        writer.Write(payload);
        writer.Complete();
        byte[] file = output.ToArray()[100..];
        Assert.True(TarWrapper.TryRead(file, file.Length, out TarWrapper wrapper));
        Assert.Equal(plain ? 512 : 1536, wrapper.PayloadOffset);
        Assert.Equal(payload, file.AsSpan(wrapper.PayloadOffset, (int)wrapper.PayloadLength).ToArray());
        using var reader = new TarReader(new MemoryStream(file));
        TarEntry entry = reader.ReadEntry()!;
        Assert.Equal("overlaybd.commit", entry.Path.ToString());
        Assert.Equal(payload.Length, entry.Size);
        Assert.Null(reader.ReadEntry());
        using var directory = new TemporaryDirectory();
        File.WriteAllBytes(directory.File("a.tar"), file);
        Tar.Tool.Run(directory.Path, "tar", "-xf", "a.tar");
        Assert.Equal(payload, File.ReadAllBytes(directory.File("overlaybd.commit")));
    }

    [Theory]
    [InlineData(9L)]
    [InlineData(99_999L)]
    [InlineData(9_999_999L)]
    [InlineData(20_000_000_000L)]
    public void Pax_sizes_of_any_length_are_read_back(long size)
    {
        byte[] header = new byte[TarWrapper.MaxHeaderLength];
        var wrapper = new TarWrapper(TarWrapper.PaxPayloadOffset, size);
        wrapper.WriteHeader(header);
        Assert.True(TarWrapper.TryRead(header, wrapper.TotalLength, out TarWrapper back));
        Assert.Equal(wrapper, back);
    }

    [Fact]
    public void Other_files_are_no_wrappers_and_wrong_lengths_are_refused()
    {
        Assert.False(TarWrapper.TryRead(new byte[4096], 4096, out _));
        Assert.False(TarWrapper.TryRead(new byte[10], 10, out _));
        byte[] header = new byte[TarWrapper.MaxHeaderLength];
        new TarWrapper(TarWrapper.PaxPayloadOffset, 10_000).WriteHeader(header);
        Assert.Throws<InvalidFormatException>(() => TarWrapper.TryRead(header, header.Length, out _));
        using var output = new MemoryStream();
        var writer = new TarWrapperWriter(output, 10);
        writer.Write(new byte[9]);
        Assert.Throws<InvalidOperationException>(() => writer.Complete());
    }
}
