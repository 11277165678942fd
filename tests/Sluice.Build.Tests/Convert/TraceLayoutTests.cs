using Sluice.Build.Check;
using Sluice.Build.Convert;
using Sluice.Build.Tests.Convert.OverlayBd;
using Sluice.Build.Tests.Support;
using Sluice.Formats.Oci;
using Sluice.Formats.OverlayBd;
using Sluice.Formats.OverlayBd.Artifacts;
using Sluice.Formats.Prefetch;
using Sluice.Formats.Rafs;
using Sluice.Formats.Trees;
using Sluice.Storage.Images;
using Sluice.Storage.Traces;
using Sluice.Testing;
using Sluice.Testing.Images;
using OverlayBdTrace = Sluice.Formats.OverlayBd.TraceFile;

namespace Sluice.Build.Tests.Convert;

/// <summary>Images that are laid out for their start.</summary>
public sealed class TraceLayoutTests
{
    private static readonly FileRange[] Start =
    [
        Part("/d/late", 4096, 4096), Part("/first", 8192, 8192), Part("/gone", 0, 4096), Part("/d/late", 0, 4096), Part("/top", 0, 100), Part("/first", 0, 4096),
    ];

    private static TestImage Image => new TestImage()
        .Layer(layer => layer.File("first", Samples.Bytes(20_000, 1)).File("other", Samples.Bytes(30_000, 2)).Directory("d").File("d/late", Samples.Bytes(12_000, 3)).File("d/same", Samples.Bytes(12_000, 3)))
        .Layer(layer => layer.File("top", Samples.Bytes(5_000, 4)).File("d/more", Samples.Bytes(9_000, 5)));

    [Fact]
    public async Task What_a_start_needs_lies_together_in_its_order()
    {
        await using var workshop = new Workshop();
        await Image.StoreAsync(workshop.Source, "a");
        await workshop.ConvertAsync(Workshop.Small with { Start = ConvertTrace.Of(Start) });
        RemoteRafsImage remote = await workshop.LoadAsync();
        RafsImage image = remote.Image;
        ChunkReference[] lower = [.. ChunksOf(image, "/d/late", 1, 1), .. ChunksOf(image, "/first", 2, 2), .. ChunksOf(image, "/d/late", 0, 1), .. ChunksOf(image, "/first", 0, 1)];
        int last = TreeWalk.Inodes(image.Root).SelectMany(inode => inode.Chunks).Where(chunk => chunk.Blob == lower[0].Blob).Max(chunk => chunk.Chunk);
        Assert.Equal(Enumerable.Range(last - 4, 5), lower.Select(chunk => chunk.Chunk));
        Assert.Equal(ChunksOf(image, "/d/late", 0, 3), ChunksOf(image, "/d/same", 0, 3)); // those that come last, too
        Assert.Equal(["/d/late", "/first", "/top"], image.Prefetch.Select(inode => TreeWalk.DepthFirst(image.Root).First(entry => entry.Inode == inode).Path.ToString()));
        Assert.Equal(Start.Where(range => range.Path != new FileName("/gone")), PrefetchFiles.Read(remote.PrefetchFiles));

        StartTrace start = ListedStart.OfFiles(Digest.Sha256("m"u8), image, PrefetchFiles.Read(remote.PrefetchFiles))!;
        PlanRange[] plan = [.. PrefetchPlan.Of(start).Ranges];
        Assert.Equal(2, plan.Length); // one for each layer
        Assert.Equal(start.Bytes, plan.Sum(range => range.Length));

        CheckResult check = await workshop.CheckAsync();
        Assert.Empty(check.Differences);
    }

    [Fact]
    public async Task The_same_trace_makes_the_same_image_and_takes_its_layers_over()
    {
        await using var workshop = new Workshop();
        await Image.StoreAsync(workshop.Source, "a");
        ConvertOptions options = Workshop.Small with { Start = ConvertTrace.Of(Start) };
        ConvertResult first = await workshop.ConvertAsync(options);
        ConvertResult again = await workshop.ConvertAsync(options with { Jobs = 1 });
        Assert.All(again.Images[0].Layers, layer => Assert.True(layer.Reused));
        Assert.Equal(first.Manifest.Digest, again.Manifest.Digest);
        Assert.Equal(first.Manifest.Digest, (await workshop.ConvertAsync(options with { Reuse = false })).Manifest.Digest);
        Assert.All((await workshop.ConvertAsync(options with { Start = ConvertTrace.Of([.. Start.Reverse()]) })).Images[0].Layers, layer => Assert.False(layer.Reused));
        Assert.Empty((await workshop.CheckAsync()).Differences);
    }

    [Fact]
    public async Task A_directory_means_all_in_it_and_a_stale_trace_changes_nothing()
    {
        await using var workshop = new Workshop();
        await Image.StoreAsync(workshop.Source, "a");
        await workshop.ConvertAsync(Workshop.Small with { Start = ConvertTrace.Read("/d/\n"u8.ToArray()) });
        RafsImage image = (await workshop.LoadAsync()).Image;
        Assert.Equal(ChunksOf(image, "/first", 0, 5).Max(chunk => chunk.Chunk) + 8, ChunksOf(image, "/other", 0, 8).Max(chunk => chunk.Chunk));
        Assert.True(ChunksOf(image, "/d/late", 0, 1)[0].Chunk > ChunksOf(image, "/other", 7, 1)[0].Chunk);

        ConvertResult plain = await workshop.ConvertAsync(to: "plain");
        ConvertResult stale = await workshop.ConvertAsync(Workshop.Small with { Start = ConvertTrace.Of([Part("/gone", 0, 4096)]) }, to: "stale");
        Assert.Contains("none of the files", Assert.Single(stale.Images[0].Warnings), StringComparison.Ordinal);
        Assert.Equal(plain.Images[0].Layers.Select(layer => layer.Blob.Digest), stale.Images[0].Layers.Select(layer => layer.Blob.Digest));
    }

    [Fact]
    public async Task A_block_image_gets_a_layer_with_the_trace()
    {
        await using var workshop = new Workshop();
        await Image.StoreAsync(workshop.Source, "a");
        await workshop.ConvertAsync(BlockConversionTests.Options);
        await workshop.ConvertAsync(BlockConversionTests.Options with { Start = ConvertTrace.Of(Start) }, to: "traced");
        StoredImage plain = await Workshop.ResolveAsync(workshop.Destination), traced = await Workshop.ResolveAsync(workshop.Destination, "traced");
        Assert.Equal(plain.Manifest.Layers.Select(layer => layer.Digest), traced.Manifest.Layers.SkipLast(1).Select(layer => layer.Digest));
        Assert.Equal("yes", traced.Manifest.Layers[^1].Annotations![OverlayBdAnnotations.AccelerationLayer]);
        ImageConfig config = await traced.ReadConfigAsync(CancellationToken.None);
        Assert.Equal(traced.Manifest.Layers.Select(layer => layer.Digest), config.DiffIds);
        Assert.Equal(config.DiffIds.Count, config.History.Count(step => !step.EmptyLayer));
        Assert.Empty((await workshop.CheckAsync(image: "traced")).Differences);

        // Read through the layers, the trace gives the bytes of the files.
        TraceRecord[] records = OverlayBdTrace.Read(await AccelerationLayers.FetchAsync(traced, CancellationToken.None));
        Assert.Equal([4096L, 8192, 4096, 4096, 4096], records.Select(record => record.Length)); // of the top's one block all
        Assert.Equal([0, 0, 0, 1, 0], records.Select(record => record.Layer));

        // A start of the very same layers needs no names.
        Digest[] layers = [.. plain.Manifest.Layers.Select(layer => layer.Digest)];
        StartTrace start = ListedStart.OfRecords(traced.Stored.Digest, records, layers)!;
        ConvertResult again = await workshop.ConvertAsync(BlockConversionTests.Options with { Start = ConvertTrace.Of(start) }, to: "again");
        Assert.Equal(traced.Stored.Digest, again.Manifest.Digest);
        Assert.Equal(traced.Stored.Digest, (await workshop.ConvertAsync(BlockConversionTests.Options with { Start = ConvertTrace.Read(OverlayBdTrace.Write(records)) }, to: "again")).Manifest.Digest);
    }

    [Fact]
    public async Task A_trace_of_other_layers_makes_no_layer()
    {
        await using var workshop = new Workshop();
        await Image.StoreAsync(workshop.Source, "a");
        ConvertResult plain = await workshop.ConvertAsync(BlockConversionTests.Options);
        TraceRecord[] records = [new('R', 7, 0, 4096), new('R', 0, 1L << 40, 4096)];
        ConvertResult stale = await workshop.ConvertAsync(BlockConversionTests.Options with { Start = ConvertTrace.Read(OverlayBdTrace.Write(records)) });
        Assert.Contains("nothing of the trace", Assert.Single(stale.Images[0].Warnings), StringComparison.Ordinal);
        Assert.Equal(plain.Manifest.Digest, stale.Manifest.Digest);
    }

    private static FileRange Part(string path, long offset, long length) => new(new FileName(path), offset, length);

    private static ChunkReference[] ChunksOf(RafsImage image, string path, int first, int count) => [.. TreeWalk.Find(image.Root, new FileName(path))!.Chunks.Skip(first).Take(count)];
}
