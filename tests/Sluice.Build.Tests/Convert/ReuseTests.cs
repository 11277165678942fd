using Sluice.Build.Convert;
using Sluice.Build.Tests.Support;
using Sluice.Formats.Oci;
using Sluice.Formats.Rafs.Blobs;
using Sluice.Testing.Images;

namespace Sluice.Build.Tests.Convert;

public class ReuseTests
{
    [Fact]
    public async Task A_second_conversion_takes_all_layers_over_and_gives_the_same_manifest()
    {
        await using var workshop = new Workshop();
        await Samples.Everything().StoreAsync(workshop.Source, "a");
        ConvertResult first = await workshop.ConvertAsync();
        ConvertResult second = await workshop.ConvertAsync();
        Assert.Equal([false, false], Reused(first));
        Assert.Equal([true, true], Reused(second));
        Assert.Equal(first.Manifest.Digest, second.Manifest.Digest);
    }

    [Fact]
    public async Task A_changed_upper_layer_reuses_the_lower_and_equals_a_fresh_conversion()
    {
        await using var workshop = new Workshop();
        await TwoLayers(5).StoreAsync(workshop.Source, "a");
        await workshop.ConvertAsync();
        await TwoLayers(6).StoreAsync(workshop.Source, "a");
        ConvertResult reused = await workshop.ConvertAsync();
        Assert.Equal([true, false], Reused(reused));
        ConvertResult fresh = await workshop.ConvertAsync(Workshop.Small with { Reuse = false }, to: "fresh");
        Assert.Equal(fresh.Manifest.Digest, reused.Manifest.Digest);
        Assert.True((await workshop.CheckAsync()).Same);
    }

    [Fact]
    public async Task A_changed_lower_layer_reuses_nothing()
    {
        await using var workshop = new Workshop();
        await new TestImage().Layer(l => l.File("a", "1")).Layer(l => l.File("b", "2")).StoreAsync(workshop.Source, "a");
        await workshop.ConvertAsync();
        await new TestImage().Layer(l => l.File("a", "3")).Layer(l => l.File("b", "2")).StoreAsync(workshop.Source, "a");
        Assert.Equal([false, false], Reused(await workshop.ConvertAsync()));
    }

    [Fact]
    public async Task Other_options_reuse_nothing()
    {
        await using var workshop = new Workshop();
        await Samples.Everything().StoreAsync(workshop.Source, "a");
        await workshop.ConvertAsync();
        Assert.Equal([false, false], Reused(await workshop.ConvertAsync(Workshop.Small with { Level = 4 })));
        Assert.Equal([false, false], Reused(await workshop.ConvertAsync(Workshop.Small with { Level = 4, ChunkSize = 8192 })));
        Assert.Equal([true, true], Reused(await workshop.ConvertAsync(Workshop.Small with { Level = 4, ChunkSize = 8192, Jobs = 1 })));
    }

    [Theory]
    [InlineData("toc")]
    [InlineData(BlobSection.ImageBoot)]
    [InlineData(BlobSection.BlobMeta)]
    [InlineData(BlobSection.BlobMetaHeader)]
    [InlineData(BlobSection.BlobDigest)]
    public async Task A_blob_with_damaged_metadata_is_made_again(string section)
    {
        await using var workshop = new Workshop();
        await Samples.Everything().StoreAsync(workshop.Source, "a");
        ConvertResult first = await workshop.ConvertAsync();
        string file = workshop.BlobFile("destination", first.Images[0].Layers[0].Blob.Digest);
        byte[] right = await File.ReadAllBytesAsync(file);
        byte[] wrong = [.. right];
        BlobTocEntry? entry = BlobToc.ReadTail(right.Length, right, out _)!.Find(section);
        wrong[entry is null ? ^600 : (int)(entry.Offset + (entry.CompressedSize / 2))] ^= 0x40;
        await File.WriteAllBytesAsync(file, wrong);
        ConvertResult second = await workshop.ConvertAsync();
        Assert.False(second.Images[0].Layers[0].Reused);
        Assert.Equal(first.Manifest.Digest, second.Manifest.Digest);
        Assert.Equal(right, await File.ReadAllBytesAsync(file));
        Assert.True((await workshop.CheckAsync()).Same);
    }

    [Fact]
    public async Task A_missing_or_short_blob_is_made_again()
    {
        await using var workshop = new Workshop();
        await Samples.Everything().StoreAsync(workshop.Source, "a");
        ConvertResult first = await workshop.ConvertAsync();
        File.Delete(workshop.BlobFile("destination", first.Images[0].Layers[1].Blob.Digest));
        Assert.Equal([true, false], Reused(await workshop.ConvertAsync()));
        Digest lower = first.Images[0].Layers[0].Blob.Digest;
        await File.WriteAllBytesAsync(workshop.BlobFile("destination", lower), [1, 2, 3]);
        ConvertResult last = await workshop.ConvertAsync();
        Assert.Equal(first.Manifest.Digest, last.Manifest.Digest);
        Assert.True((await workshop.CheckAsync()).Same);
    }

    [Fact]
    public async Task What_a_layer_alone_can_say_survives_reuse()
    {
        // Implicit directories, links into lower layers, whiteouts, opaque marks, content that is replaced within the layer.
        await using var workshop = new Workshop();
        TestImage Image(string top) => new TestImage()
            .Layer(l => l.Directory("d", 0x1C0, 9).File("d/x", "x").Directory("o").File("o/hidden", "h").File("w", "w").Link("l", "d"))
            .Layer(l => l.HardLink("hl", "d/x").File("d/y", "y").Opaque("o").Whiteout("w").File("l/z", "z").File("twice", "one").File("twice", "two"))
            .Layer(l => l.File("top", top));
        await Image("1").StoreAsync(workshop.Source, "a");
        await workshop.ConvertAsync();
        await Image("2").StoreAsync(workshop.Source, "a");
        ConvertResult reused = await workshop.ConvertAsync();
        Assert.Equal([true, true, false], Reused(reused));
        ConvertResult fresh = await workshop.ConvertAsync(Workshop.Small with { Reuse = false }, to: "fresh");
        Assert.Equal(fresh.Manifest.Digest, reused.Manifest.Digest);
        Assert.True((await workshop.CheckAsync()).Same);
    }

    [Fact]
    public async Task A_layer_whose_chunks_are_all_replaced_within_it_is_reused()
    {
        await using var workshop = new Workshop();
        await new TestImage().Layer(l => l.File("a", "one").File("a")).StoreAsync(workshop.Source, "a");
        await workshop.ConvertAsync();
        Assert.Equal([true], Reused(await workshop.ConvertAsync()));
        Assert.True((await workshop.CheckAsync()).Same);
    }

    [Fact]
    public async Task Content_that_only_a_replaced_file_had_gives_the_same_manifest_with_reuse()
    {
        await using var workshop = new Workshop();
        TestImage Image(string top) => new TestImage().Layer(l => l.File("a", "one").File("a", "two")).Layer(l => l.File("b", "one").File("top", top));
        await Image("1").StoreAsync(workshop.Source, "a");
        await workshop.ConvertAsync();
        await Image("2").StoreAsync(workshop.Source, "a");
        ConvertResult reused = await workshop.ConvertAsync();
        Assert.Equal([true, false], Reused(reused));
        Assert.Equal((await workshop.ConvertAsync(Workshop.Small with { Reuse = false }, to: "fresh")).Manifest.Digest, reused.Manifest.Digest);
        Assert.True((await workshop.CheckAsync()).Same);
    }

    private static TestImage TwoLayers(int seed) => new TestImage()
        .Layer(l => l.File("a", Samples.Bytes(50_000, 1)))
        .Layer(l => l.File("b", Samples.Bytes(50_000, seed)).File("c", Samples.Bytes(50_000, 1)));

    private static IEnumerable<bool> Reused(ConvertResult result) => result.Images[0].Layers.Select(l => l.Reused);
}
