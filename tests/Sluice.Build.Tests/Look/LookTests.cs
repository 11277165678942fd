using System.Text;
using Sluice.Build.Look;
using Sluice.Build.Tests.Support;
using Sluice.Build.Tests.Unpack;
using Sluice.Formats;
using Sluice.Formats.Compression;
using Sluice.Formats.Trees;
using Sluice.Storage.Images;
using Sluice.Testing.Images;

namespace Sluice.Build.Tests.Look;

public class LookTests
{
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Files_are_found_through_links_and_read(bool accelerated)
    {
        await using var workshop = new Workshop();
        await Samples.Everything().StoreAsync(workshop.Source, "a");
        await workshop.ConvertAsync();
        ImageContents contents = await UnpackTests.OpenAsync(accelerated ? workshop.Destination : workshop.Source);
        Inode tool = ImageLookup.Find(contents, new FileName("bin/../bin/tool"), followLast: true);
        using var output = new MemoryStream();
        await contents.ReadAsync([tool], new StreamSink(output), CancellationToken.None);
        Assert.Equal(Samples.Bytes(70_001, 1), output.ToArray());
        Assert.Equal(FileType.SymbolicLink, ImageLookup.Find(contents, new FileName("/bin"), followLast: false).Type);
        Assert.Equal(FileType.Directory, ImageLookup.Find(contents, new FileName("/bin/"), followLast: false).Type);
        Assert.Same(contents.Root, ImageLookup.Find(contents, new FileName("/"), followLast: true));
        foreach (string missing in new[] { "/none", "/usr/loop", "/etc/passwd/x" })
        {
            Assert.Equal(SluiceError.NotFound, Assert.Throws<SluiceException>(() => ImageLookup.Find(contents, new FileName(missing), followLast: true)).Error);
        }
    }

    [Fact]
    public async Task One_file_costs_its_own_bytes_and_a_whole_image_costs_few_reads()
    {
        await using var workshop = new Workshop();
        var layer = new TestLayer();
        for (int i = 0; i < 50; i++) layer.File($"f{i}", Samples.Bytes(20_000, i));
        await new TestImage().Layer(layer).StoreAsync(workshop.Source, "a");
        await workshop.ConvertAsync(Workshop.Small with { Compressor = Compressor.None });
        RemoteRafsImage image = await workshop.LoadAsync();
        Inode file = TreeWalk.Find(image.Image.Root, new FileName("f7"))!;

        var store = new CountingStore(workshop.Destination);
        var counted = image with { Source = image.Source with { Store = store } };
        var reader = new RafsContentReader(counted);
        await reader.ReadAsync(file, _ => ValueTask.CompletedTask, CancellationToken.None);
        Assert.Equal(20_000, reader.BytesFetched); // five chunks that lie behind one another
        Assert.Equal(1, store.Reads);

        store.Reads = 0;
        var windows = new RafsContentReader(counted, 1 << 20);
        foreach (Inode each in image.Image.Root.Entries!.Values.OrderBy(RafsContentReader.OrderOf)) await windows.ReadAsync(each, _ => ValueTask.CompletedTask, CancellationToken.None);
        Assert.Equal(1, store.Reads);
        Assert.Equal(1_000_000, windows.BytesFetched);
    }

    [Fact]
    public async Task Inspection_says_what_the_image_is_made_of_without_its_data()
    {
        await using var workshop = new Workshop();
        await Samples.Everything().StoreAsync(workshop.Source, "a");
        await workshop.ConvertAsync();
        ImageFacts plain = await ImageInspection.InspectAsync(await Workshop.ResolveAsync(workshop.Source), CancellationToken.None);
        Assert.Null(plain.Rafs);
        Assert.Equal((2, 0), (plain.Layers.Count, plain.BytesFetched));
        ImageFacts facts = await ImageInspection.InspectAsync(await Workshop.ResolveAsync(workshop.Destination), CancellationToken.None);
        RafsFacts rafs = facts.Rafs!;
        Assert.Equal((6, 4096, 4096, Compressor.Zstd), (rafs.Version, rafs.BlockSize, rafs.ChunkSize, rafs.Compressor));
        Assert.Equal(3, facts.Layers.Count);
        Assert.Equal(2, rafs.Blobs.Count);
        Assert.Equal(["/"], rafs.Prefetch.Select(p => p.ToString()));
        Assert.Equal((1, 1, 1), (rafs.FileCounts[FileType.CharacterDevice], rafs.FileCounts[FileType.BlockDevice], rafs.FileCounts[FileType.Fifo]));
        Assert.Equal(facts.Layers[^1].Size, facts.BytesFetched);
    }

    [Fact]
    public async Task A_bootstrap_that_is_no_gzip_or_no_bootstrap_is_one_error()
    {
        await using var workshop = new Workshop();
        foreach (byte[] content in new[] { Encoding.ASCII.GetBytes("no gzip at all"), new TestLayer().File("image/image.boot", "no bootstrap").Pack().Blob, new TestLayer().File("x", "x").Pack().Blob })
        {
            await new TestImage().Layer(TestLayer.Raw(content)).StoreAsync(workshop.Destination, "a", manifest => manifest with
            {
                Layers = [manifest.Layers[0] with { Annotations = new Dictionary<string, string> { ["containerd.io/snapshot/nydus-bootstrap"] = "true" } }],
            });
            SluiceException error = await Assert.ThrowsAnyAsync<SluiceException>(() => workshop.LoadAsync());
            Assert.Equal(SluiceError.Image, error.Error);
        }
    }
}
