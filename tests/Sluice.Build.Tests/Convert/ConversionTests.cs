using System.Diagnostics;
using Sluice.Build.Check;
using Sluice.Build.Convert;
using Sluice.Build.Tests.Support;
using Sluice.Formats;
using Sluice.Formats.Compression;
using Sluice.Formats.Hashing;
using Sluice.Formats.Oci;
using Sluice.Formats.Tar;
using Sluice.Formats.Trees;
using Sluice.Storage.Images;
using Sluice.Storage.Sources;
using Sluice.Testing.Images;

namespace Sluice.Build.Tests.Convert;

public class ConversionTests
{
    [Fact]
    public async Task The_same_input_gives_the_same_bytes_whatever_the_threads()
    {
        await using var workshop = new Workshop();
        await Samples.Everything().StoreAsync(workshop.Source, "a");
        ConvertResult one = await workshop.ConvertAsync(Workshop.Small with { Jobs = 1, Reuse = false }, to: "one");
        ConvertResult eight = await workshop.ConvertAsync(Workshop.Small with { Jobs = 8, Reuse = false }, to: "eight");
        ConvertResult again = await workshop.ConvertAsync(Workshop.Small with { Jobs = 100, Reuse = false }, to: "again");
        Assert.Equal(one.Manifest.Digest, eight.Manifest.Digest);
        Assert.Equal(one.Manifest.Digest, again.Manifest.Digest);
    }

    [Theory]
    [InlineData(Compressor.Zstd, DigestAlgorithm.Blake3, 4096)]
    [InlineData(Compressor.Lz4Block, DigestAlgorithm.Sha256, 65536)]
    [InlineData(Compressor.None, DigestAlgorithm.Blake3, 1 << 20)]
    [InlineData(Compressor.Zstd, DigestAlgorithm.Sha256, 16 << 20)]
    public async Task Every_kind_of_file_survives(Compressor compressor, DigestAlgorithm digester, int chunkSize)
    {
        await using var workshop = new Workshop();
        await Samples.Everything().StoreAsync(workshop.Source, "a");
        ConvertResult result = await workshop.ConvertAsync(new ConvertOptions { Compressor = compressor, Digester = digester, ChunkSize = chunkSize, Jobs = 2 });
        Assert.Empty(result.Images[0].Warnings);
        CheckResult check = await workshop.CheckAsync();
        Assert.Empty(check.Differences);
        Assert.True(check.ContentCompared);
        Assert.True(check.ChunksVerified > 0);
        Assert.Empty(check.Notes);
    }

    [Fact]
    public async Task Layers_in_zstd_and_without_compression_and_docker_manifests_convert()
    {
        await using var workshop = new Workshop();
        var image = new TestImage().Layer(l => l.Zstd().File("a", Samples.Bytes(10_000, 1))).Layer(l => l.Uncompressed().File("b", Samples.Bytes(10_000, 2)));
        await image.StoreAsync(workshop.Source, "a");
        await workshop.ConvertAsync();
        Assert.True((await workshop.CheckAsync()).Same);

        await new TestImage { Docker = true }.Layer(l => l.File("a", "docker")).StoreAsync(workshop.Source, "docker");
        ConvertResult result = await workshop.ConvertAsync(from: "docker", to: "docker");
        Assert.Equal(MediaTypes.OciManifest, result.Manifest.MediaType);
        Assert.True((await workshop.CheckAsync(source: "docker", image: "docker")).Same);
        ImageManifest manifest = (await Workshop.ResolveAsync(workshop.Destination, "docker")).Manifest;
        Assert.Equal(MediaTypes.OciConfig, manifest.Config.MediaType);
    }

    [Fact]
    public async Task Chunks_that_a_lower_layer_has_are_not_stored_again()
    {
        await using var workshop = new Workshop();
        byte[] content = Samples.Bytes(100_000, 3);
        await new TestImage().Layer(l => l.File("a", content)).Layer(l => l.File("b", content).File("c", [1])).StoreAsync(workshop.Source, "a");
        ConvertedImage image = (await workshop.ConvertAsync()).Images[0];
        Assert.Equal(1, image.Layers[1].Chunks);
        Assert.Equal(100_000, image.Layers[1].DuplicateBytes);
        Inode root = await workshop.TreeAsync();
        Assert.Equal(root.Entries![new FileName("a")].Chunks, root.Entries[new FileName("b")].Chunks);
        Assert.True((await workshop.CheckAsync()).Same);
    }

    [Fact]
    public async Task Layers_without_chunks_and_images_without_layers_convert()
    {
        await using var workshop = new Workshop();
        await new TestImage().Layer(l => l.File("a", "a").File("b", "b")).Layer(_ => { }).Layer(l => l.Whiteout("a").Directory("d")).StoreAsync(workshop.Source, "a");
        await workshop.ConvertAsync();
        Assert.True((await workshop.CheckAsync()).Same);
        await new TestImage().StoreAsync(workshop.Source, "none");
        await workshop.ConvertAsync(from: "none", to: "none");
        Assert.True((await workshop.CheckAsync(source: "none", image: "none")).Same);
    }

    [Fact]
    public async Task A_blob_that_the_image_does_not_use_any_more_is_left_out_of_the_bootstrap()
    {
        await using var workshop = new Workshop();
        await new TestImage().Layer(l => l.File("a", Samples.Bytes(9_000, 1))).Layer(l => l.File("b", "b").Whiteout("a")).StoreAsync(workshop.Source, "a");
        await workshop.ConvertAsync();
        Assert.Single((await workshop.LoadAsync()).Image.Blobs);
        Assert.True((await workshop.CheckAsync()).Same);
    }

    [Fact]
    public async Task More_data_layers_than_devices_are_refused_in_one_clear_error()
    {
        await using var workshop = new Workshop();
        var image = new TestImage();
        for (int i = 0; i < 255; i++) image.Layer(l => l.Uncompressed().File($"f{i}", $"content {i}"));
        await image.StoreAsync(workshop.Source, "a");
        SluiceException error = await Assert.ThrowsAsync<SluiceException>(() => workshop.ConvertAsync());
        Assert.Contains("254", error.Message, StringComparison.Ordinal);
        await AssertNoTagAsync(workshop);
    }

    [Fact]
    public async Task Attributes_that_erofs_cannot_hold_become_warnings()
    {
        await using var workshop = new Workshop();
        await new TestImage().Layer(l => l.File("a", "x", 0x1A4, 0, ("com.apple.thing", "1"), ("user.kept", "2"))).StoreAsync(workshop.Source, "a");
        ConvertedImage image = (await workshop.ConvertAsync()).Images[0];
        Assert.Contains(image.Warnings, w => w.Contains("com.apple.thing", StringComparison.Ordinal) && w.Contains("/a", StringComparison.Ordinal));
        CheckResult check = await workshop.CheckAsync();
        Assert.Equal(["attribute com.apple.thing"], check.Differences.Select(d => d.What));
    }

    [Fact]
    public async Task Holes_cost_nothing_and_absurd_ones_are_refused()
    {
        await using var workshop = new Workshop();
        await new TestImage().Layer(l => l.Add(Sparse(1L << 35)).Content("0123456789"u8)).StoreAsync(workshop.Source, "a");
        ConvertedImage image = (await workshop.ConvertAsync(new ConvertOptions { Jobs = 1 })).Images[0];
        Assert.Equal(2, image.Layers[0].Chunks);
        Assert.True((await workshop.CheckAsync()).Same);
        await new TestImage().Layer(l => l.Add(Sparse(1L << 60)).Content("0123456789"u8)).StoreAsync(workshop.Source, "huge");
        await Assert.ThrowsAsync<InvalidFormatException>(() => workshop.ConvertAsync(from: "huge", to: "huge"));

        static TarEntry Sparse(long size) => new()
        {
            Path = new FileName("sparse"),
            Type = TarEntryType.Regular,
            Mode = 0x1A4,
            Size = size,
            SparseMap = [new SparseRun(5, 10)],
        };
    }

    [Fact]
    public async Task Skopeo_copies_a_converted_image_unharmed()
    {
        if (!File.Exists("/usr/bin/skopeo")) Assert.Skip("skopeo is not installed");
        await using var workshop = new Workshop();
        await Samples.Everything().StoreAsync(workshop.Source, "a");
        Digest manifest = (await workshop.ConvertAsync()).Manifest.Digest;
        string from = $"oci:{workshop.File("destination")}:a", to = $"oci:{workshop.File("copy")}:a";
        using (Process skopeo = Process.Start(new ProcessStartInfo("/usr/bin/skopeo", ["copy", "-q", from, to]) { RedirectStandardError = true })!)
        {
            string error = await skopeo.StandardError.ReadToEndAsync();
            await skopeo.WaitForExitAsync();
            Assert.True(skopeo.ExitCode == 0, error);
        }

        await using IImageStore copy = workshop.Open("copy");
        StoredImage image = await Workshop.ResolveAsync(copy);
        Assert.Equal(manifest, image.Stored.Digest);
        CheckResult check = await new ImageChecker(await Workshop.ResolveAsync(workshop.Source), image, new CheckOptions()).RunAsync(CancellationToken.None);
        Assert.True(check.Same);
    }

    [Fact]
    public async Task A_converted_image_is_not_converted_again()
    {
        await using var workshop = new Workshop();
        await Samples.Everything().StoreAsync(workshop.Source, "a");
        await workshop.ConvertAsync();
        var again = new ImageConverter(workshop.Destination, workshop.Destination, Workshop.Small);
        SluiceException error = await Assert.ThrowsAsync<SluiceException>(() => again.ConvertAsync("a", "b", CancellationToken.None));
        Assert.Equal(SluiceError.Image, error.Error);
    }

    [Theory]
    [InlineData("chunk", 5000, 3, 1)]
    [InlineData("level", 4096, 20, 1)]
    [InlineData("jobs", 4096, 3, 0)]
    [InlineData("jobs", 4096, 3, 100_000)]
    public async Task Senseless_options_are_refused(string name, int chunkSize, int level, int jobs)
    {
        await using var workshop = new Workshop();
        var options = new ConvertOptions { ChunkSize = chunkSize, Level = level, Jobs = jobs };
        SluiceException error = await Assert.ThrowsAsync<SluiceException>(() => workshop.ConvertAsync(options));
        Assert.Equal(SluiceError.Usage, error.Error);
        Assert.Contains(name, error.Message, StringComparison.Ordinal);
    }

    internal static async Task AssertNoTagAsync(Workshop workshop, string tag = "a")
    {
        IImageStore fresh = workshop.Open("destination");
        SluiceException error = await Assert.ThrowsAsync<SluiceException>(() => fresh.GetManifestAsync(tag, CancellationToken.None));
        Assert.Equal(SluiceError.NotFound, error.Error);
    }
}
