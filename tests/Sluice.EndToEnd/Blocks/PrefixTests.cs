using Sluice.Containerd.Client;
using Sluice.Containerd.Snapshots;
using Sluice.EndToEnd.Harness;
using Sluice.Formats.Oci;
using Sluice.Kernel.Mounts;
using Sluice.Storage.Sources;
using Sluice.Testing.Images;
using Sluice.Testing.Runtime;

namespace Sluice.EndToEnd.Blocks;

/// <summary>Block images of which one is built on the other: containerd has each layer once, whichever image it came with.</summary>
public sealed class PrefixTests
{
    [Theory]
    [InlineData("base derived", "base derived")]
    [InlineData("base derived", "derived base")]
    [InlineData("derived base", "base derived")]
    [InlineData("derived base", "derived base")]
    public async Task A_base_and_what_is_built_on_it_come_and_go_in_any_order(string pulls, string removals)
    {
        await using TestNode node = await TestNode.StartAsync();
        await StoreAsync(node);
        foreach (string name in pulls.Split(' ')) await node.PullAsync(node.Image(name + ":v1"));
        Assert.Equal("LOWER\n", await node.RunAsync(node.Image("base:v1"), "base", "/bin/cat", "/etc/state"));
        Assert.Equal("READY\n", await node.RunAsync(node.Image("derived:v1"), "derived", "/bin/cat", "/etc/state"));
        Assert.Equal(2, node.ImageMounts.Count);

        // The base's layer is the derived image's as well, so it stays while that is here.
        string[] order = removals.Split(' ');
        await node.CtrAsync("images", "rm", "--sync", node.Image(order[0] + ":v1"));
        Assert.Equal(order[0] == "base" ? 2 : 1, node.ImageMounts.Count);
        Assert.Equal(node.ImageMounts.Count, Directory.GetDirectories(Path.Combine(node.Root, "images")).Length);
        Assert.Equal(order[1] == "base" ? "LOWER\n" : "READY\n", await node.RunAsync(node.Image(order[1] + ":v1"), "left", "/bin/cat", "/etc/state"));

        await node.CtrAsync("images", "rm", "--sync", node.Image(order[1] + ":v1"));
        await node.AssertNothingIsLeftAsync();
    }

    [Fact]
    public async Task A_base_that_was_used_once_outlives_a_killed_daemon_and_needs_no_registry()
    {
        await using TestNode node = await TestNode.StartAsync();
        await StoreAsync(node);
        await node.PullAsync(node.Image("derived:v1"));
        await node.PullAsync(node.Image("base:v1"));
        Assert.Equal(2, Directory.GetDirectories(Path.Combine(node.Root, "images")).Length);
        Assert.Equal("LOWER\n", await node.RunAsync(node.Image("base:v1"), "first", "/bin/cat", "/etc/state"));
        await node.StartContainerAsync(node.Image("base:v1"), "old");
        await node.KillDaemonAsync();
        await node.StartDaemonAsync();
        Assert.Single(node.ImageMounts); // what was used; the other one is mounted when something needs it
        Assert.Equal("LOWER\n", await node.RunAsync(node.Image("base:v1"), "second", "/bin/cat", "/etc/state"));
        await node.RemoveContainerAsync("old");
        await node.StopDaemonAsync();
        await node.Registry.StopAsync();
        await node.StartDaemonAsync();
        Assert.Equal("LOWER\n", await node.RunAsync(node.Image("base:v1"), "third", "/bin/cat", "/etc/state"));
        await node.CtrAsync("images", "rm", "--sync", node.Image("derived:v1"), node.Image("base:v1"));
        await node.AssertNothingIsLeftAsync();
    }

    [Fact]
    public async Task Every_layer_of_an_image_can_be_looked_at()
    {
        await using TestNode node = await TestNode.StartAsync();
        string image = node.Image("golden:obd");
        BlockImage golden = BlockImage.Golden();
        await StoreAsync(golden, image);
        await node.PullAsync(image);
        IReadOnlyList<Digest> chain = ChainId.All(golden.Layers.Select(layer => Digest.Sha256(layer)));
        using ContainerdClient unleased = node.Connect();
        await unleased.Leases.CreateAsync("views", DateTimeOffset.UtcNow.AddHours(1), TestMachine.Cancellation); // else the next collection of garbage takes them
        using ContainerdClient client = unleased.WithLease("views");
        for (int layers = 1; layers <= chain.Count; layers++)
        {
            string name = $"view{layers}";
            await client.Snapshots("sluice").ViewAsync(name, chain[layers - 1].ToString(), TestMachine.Cancellation);
            Assert.Equal(layers, node.ImageMounts.Count);
        }

        // The devices are those that overlaybd made.
        string[] devices = await Task.WhenAll(Directory.GetFiles(node.Disks).Select(async disk => (await Command.RunAsync("sha256sum", [disk])).Output[..64]));
        Assert.Equal(BlockImage.GoldenDevices[1..].Order(), devices.Order());

        for (int layers = 1; layers <= chain.Count; layers++) await client.Snapshots("sluice").RemoveAsync($"view{layers}", TestMachine.Cancellation);
        await unleased.Leases.DeleteAsync("views", wait: true, TestMachine.Cancellation);
        await node.CtrAsync("images", "rm", "--sync", image);
        await node.AssertNothingIsLeftAsync();
    }

    [Fact]
    public async Task An_image_can_not_bring_other_layers_under_the_name_of_a_base()
    {
        await using TestNode node = await TestNode.StartAsync();
        (BlockImage derived, _) = await StoreAsync(node);
        BlockImage forged = new(derived.Layers[1], derived.Layers[1]) { DiffIds = [.. derived.Layers.Select(layer => Digest.Sha256(layer))] };
        await StoreAsync(forged, node.Image("forged:v1"));
        SluiceResult refused = await node.TryPullAsync(node.Image("forged:v1"));
        refused.Fails(10, node.Image("forged:v1"), "is not its digest");
        await node.AssertNothingIsLeftAsync();
    }

    [Fact]
    public async Task What_an_ordinary_pull_has_unpacked_is_not_taken_for_the_image()
    {
        await using TestNode node = await TestNode.StartAsync();
        await StoreAsync(node);
        await node.CtrAsync("images", "pull", "--plain-http", "--snapshotter", "sluice", node.Image("base:v1"));
        (await node.TryPullAsync(node.Image("base:v1"))).Fails(3, node.Image("base:v1"), "unpacked its layers", "pull again");
        await node.CtrAsync("images", "rm", "--sync", node.Image("base:v1"));
        await node.PullAsync(node.Image("base:v1"));
        Assert.Equal("LOWER\n", await node.RunAsync(node.Image("base:v1"), "lazy", "/bin/cat", "/etc/state"));
    }

    /// <summary>An image <c>derived</c> of two layers, and <c>base</c>, which is the lower of them.</summary>
    private static async Task<(BlockImage Derived, BlockImage Base)> StoreAsync(TestNode node)
    {
        BlockImage derived = await RunnableBlockImage.CreateAsync(node.Workspace), lower = new(derived.Layers[0]);
        await StoreAsync(derived, node.Image("derived:v1"));
        await StoreAsync(lower, node.Image("base:v1"));
        return (derived, lower);
    }

    private static async Task StoreAsync(BlockImage image, string reference)
    {
        ImageReference name = ImageReference.Parse(reference);
        await using IImageStore store = ImageStores.Open(name, new SourceOptions());
        await image.StoreAsync(store, name.Tag);
    }
}
