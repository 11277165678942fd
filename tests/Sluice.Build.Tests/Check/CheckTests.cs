using Sluice.Build.Check;
using Sluice.Build.Convert;
using Sluice.Build.Look;
using Sluice.Build.Tests.Support;
using Sluice.Formats.Hashing;
using Sluice.Formats.Oci;
using Sluice.Formats.Tar;
using Sluice.Formats.Trees;
using Sluice.Testing.Images;

namespace Sluice.Build.Tests.Check;

public class CheckTests
{
    [Theory]
    [InlineData("/f", "mode", "mode")]
    [InlineData("/f", "uid", "owner")]
    [InlineData("/f", "mtime", "time")]
    [InlineData("/f", "size", "longer")]
    [InlineData("/f", "content of chunk 2", "content")]
    [InlineData("/f", "attribute user.a", "attribute")]
    [InlineData("/f", "type", "type")]
    [InlineData("/f", "only in the image", "missing")]
    [InlineData("/extra", "only in the source", "extra")]
    [InlineData("/l", "link target", "target")]
    [InlineData("/n", "device", "device")]
    [InlineData("/h2", "links", "unlinked")]
    [InlineData("/h3", "hard link", "crossed")]
    public async Task Each_seeded_difference_is_found(string path, string what, string change)
    {
        await using var workshop = new Workshop();
        await Image("none").StoreAsync(workshop.Source, "a");
        await workshop.ConvertAsync();
        Assert.True((await workshop.CheckAsync()).Same);
        await Image(change).StoreAsync(workshop.Source, "changed");
        CheckResult result = await workshop.CheckAsync(source: "changed");
        Assert.Contains(result.Differences, d => d.Path == path && d.What == what);
        Assert.False(result.Same);
    }

    [Fact]
    public async Task Damaged_data_is_found_and_named_unless_only_metadata_is_wanted()
    {
        await using var workshop = new Workshop();
        await new TestImage().Layer(l => l.File("one", Samples.Bytes(6_000, 1)).File("two", Samples.Bytes(6_000, 2))).StoreAsync(workshop.Source, "a");
        ConvertResult converted = await workshop.ConvertAsync(Workshop.Small with { Compressor = Formats.Compression.Compressor.None });
        string file = workshop.BlobFile("destination", converted.Images[0].Layers[0].Blob.Digest);
        byte[] blob = await File.ReadAllBytesAsync(file);
        int position = blob.AsSpan().IndexOf(Samples.Bytes(6_000, 2).AsSpan(0, 512));
        Assert.True(position > 0);
        blob[position] ^= 1;
        await File.WriteAllBytesAsync(file, blob);

        CheckResult result = await workshop.CheckAsync();
        Difference difference = Assert.Single(result.Differences);
        Assert.Contains("/two", difference.What, StringComparison.Ordinal);
        Assert.Contains(converted.Images[0].Layers[0].Blob.Digest.Hex, difference.Path, StringComparison.Ordinal);
        Assert.Equal(3, result.ChunksVerified);
        Assert.True((await workshop.CheckAsync(new CheckOptions { MetadataOnly = true })).Same);
    }

    [Fact]
    public async Task Undecodable_data_is_a_difference_and_no_crash()
    {
        await using var workshop = new Workshop();
        await new TestImage().Layer(l => l.File("zeros", new byte[4096]).File("two", Samples.Bytes(4_000, 2))).StoreAsync(workshop.Source, "a");
        ConvertResult converted = await workshop.ConvertAsync();
        string file = workshop.BlobFile("destination", converted.Images[0].Layers[0].Blob.Digest);
        byte[] blob = await File.ReadAllBytesAsync(file);
        ChunkInfoAt(await workshop.LoadAsync(), blob).Fill(0xEE);
        await File.WriteAllBytesAsync(file, blob);
        CheckResult result = await workshop.CheckAsync();
        Assert.Equal(1, result.DifferenceCount);
        Assert.Contains("/zeros", result.Differences[0].What, StringComparison.Ordinal);

        static Span<byte> ChunkInfoAt(Storage.Images.RemoteRafsImage image, byte[] blob)
        {
            var chunk = image.Image.Chunks[0][0];
            return blob.AsSpan((int)chunk.CompressedOffset, chunk.CompressedSize);
        }
    }

    [Fact]
    public async Task Ordinary_images_compare_with_each_other()
    {
        await using var workshop = new Workshop();
        await Samples.Everything().StoreAsync(workshop.Source, "a");
        await Samples.Everything().StoreAsync(workshop.Destination, "a");
        CheckResult same = await workshop.CheckAsync();
        Assert.True(same.Same);
        Assert.Equal(0, same.ChunksVerified);
        await Samples.Everything(seed: 2).StoreAsync(workshop.Destination, "a");
        Assert.Equal(["/usr/bin/other", "/usr/bin/tool", "/usr/bin/tool2", "/usr/copy"], (await workshop.CheckAsync()).Differences.Select(d => d.Path).Where(p => p != "/etc/tool3").Order(StringComparer.Ordinal));
    }

    [Theory]
    [InlineData(4096, DigestAlgorithm.Blake3)]
    [InlineData(8192, DigestAlgorithm.Blake3)]
    [InlineData(4096, DigestAlgorithm.Sha256)]
    public async Task Accelerated_images_compare_with_each_other_whatever_their_chunks(int chunkSize, DigestAlgorithm digester)
    {
        await using var workshop = new Workshop();
        await Samples.Everything().StoreAsync(workshop.Source, "plain");
        await new ImageConverter(workshop.Source, workshop.Source, Workshop.Small).ConvertAsync("plain", "a", CancellationToken.None);
        await workshop.ConvertAsync(Workshop.Small with { ChunkSize = chunkSize, Digester = digester }, from: "plain");
        CheckResult result = await workshop.CheckAsync();
        Assert.Empty(result.Differences);
        Assert.True(result.ContentCompared);
        CheckResult metadata = await workshop.CheckAsync(new CheckOptions { MetadataOnly = true });
        Assert.True(metadata.Same);
        Assert.Equal(chunkSize == 4096 && digester == DigestAlgorithm.Blake3, metadata.ContentCompared);
    }

    [Fact]
    public async Task Many_differences_are_counted_and_the_first_are_kept()
    {
        await using var workshop = new Workshop();
        var many = new TestLayer();
        for (int i = 0; i < 150; i++) many.File($"f{i}");
        await new TestImage().Layer(many).StoreAsync(workshop.Source, "a");
        await new TestImage().Layer(l => l.File("x")).StoreAsync(workshop.Destination, "a");
        CheckResult result = await workshop.CheckAsync();
        Assert.Equal((100, 151), (result.Differences.Count, result.DifferenceCount));
    }

    [Fact]
    public void Names_are_printed_on_one_line_without_ambiguity()
    {
        Assert.Equal("b\\xff\\xfex", PrintableName.Of(Samples.NotUtf8));
        Assert.Equal("a\\x0a\\x1b[0m\\x5c ü", PrintableName.Of(new FileName("a\n\u001b[0m\\ ü")));
    }

    private static TestImage Image(string change)
    {
        byte[] content = Samples.Bytes(10_000, 1);
        if (change == "content") content[9_000] ^= 1;
        if (change == "longer") content = [.. content, 1];
        var entry = new TarEntry
        {
            Path = new FileName("f"),
            Type = change == "type" ? TarEntryType.Fifo : TarEntryType.Regular,
            Mode = (ushort)(change == "mode" ? 0x1C0 : 0x1A4),
            UserId = change == "owner" ? 1u : 0,
            ModificationTime = change == "time" ? TestLayer.Time with { Nanoseconds = 1 } : TestLayer.Time,
            Size = change == "type" ? 0 : content.Length,
            ExtendedAttributes = [new ExtendedAttribute(new FileName("user.a"), [(byte)(change == "attribute" ? 1 : 2)])],
        };
        return new TestImage().Layer(layer =>
        {
            layer.Link("l", change == "target" ? "x" : "y").Device("n", TarEntryType.CharacterDevice, 1, change == "device" ? 4u : 3u);
            layer.File("h1", "h").File("g1", "h");
            if (change == "unlinked") layer.File("h2", "h");
            else layer.HardLink("h2", "h1");
            layer.HardLink("h3", change == "crossed" ? "g1" : "h1").HardLink("h4", change == "crossed" ? "h1" : "g1");
            if (change == "extra") layer.Directory("extra").File("extra/below");
            if (change == "missing") return;
            layer.Add(entry);
            if (change != "type") layer.Content(content);
        });
    }
}
