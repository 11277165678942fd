using Sluice.Formats.Rafs;
using Sluice.Testing;

namespace Sluice.Formats.Tests.Rafs;

public sealed class RafsV6RoundTripTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    public void What_is_written_reads_back_alike(int seed)
    {
        var sample = new SampleImage(seed);
        byte[] bootstrap = RafsV6Writer.Write(sample.Image, out RafsWriteReport report);
        NydusRules.Check(bootstrap);
        RafsImage read = RafsV6Reader.Read(bootstrap);
        Assert.Equal(TreeListing.WithChunks(sample.Image), TreeListing.WithChunks(read));
        Assert.Equal(bootstrap.Length, report.Size);
        Assert.Empty(report.Dropped);
        Assert.Equal(sample.Image.Prefetch.Count, read.Prefetch.Count);
        Assert.Equal(sample.Image.Blobs, read.Blobs.Select(blob => blob with { MappedOffset = 0 }));
    }

    [Fact]
    public void The_same_image_gives_the_same_bytes_to_memory_and_to_a_stream()
    {
        byte[] bootstrap = RafsV6Writer.Write(new SampleImage(5).Image);
        using var stream = new MemoryStream();
        RafsV6Writer.Write(new SampleImage(5).Image, stream);
        Assert.Equal(bootstrap, stream.ToArray());
    }

    [Theory]
    [InlineData(6, 3)]
    [InlineData(7, 1)]
    [InlineData(8, 17)]
    public void The_kernel_shows_the_tree_that_was_written(int seed, int blobs)
    {
        var sample = new SampleImage(seed, blobs: blobs);
        using var directory = new TemporaryDirectory();
        string bootstrap = directory.File("image.boot");
        File.WriteAllBytes(bootstrap, RafsV6Writer.Write(sample.Image));
        using ErofsMount mount = ErofsMount.Create(bootstrap, sample.WriteDevices(directory.Path), directory.File("mnt"));
        Assert.Equal(TreeListing.WithContent(sample.Image, sample.Content), KernelListing.Of(mount.Path));
    }
}
