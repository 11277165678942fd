using Sluice.EndToEnd.Harness;
using Sluice.Testing.Runtime;

namespace Sluice.EndToEnd.Trees;

/// <summary>A converted image shows the same tree as containerd's own unpacking; docs/differences.md explains what differs.</summary>
public sealed class EdgeImageTests
{
    [Fact]
    public async Task The_tree_is_that_of_containerd()
    {
        await using TestNode node = await TestNode.StartAsync();
        string layout = await EdgeImage.MakeAsync(node.Workspace.File("edge"));
        await Skopeo.CopyAsync($"oci:{layout}:latest", "docker://" + node.Image("edge:latest"));
        await node.CtrAsync("images", "pull", "--plain-http", "--snapshotter", "overlayfs", node.Image("edge:latest"));
        await node.CtrAsync("images", "mount", node.Image("edge:latest"), node.Workspace.MakeDirectory("unpacked"));
        TreeListing unpacked = await TreeListing.ReadAsync(node.Workspace.File("unpacked"));

        (await SluiceProgram.RunAsync("convert", "oci:" + layout, node.Image("edge:rafs"))).Succeeds();
        await node.PullAsync(node.Image("edge:rafs"));
        TreeListing lazy = await TreeListing.ReadAsync(await node.ViewAsync("lazy"));

        Assert.True(lazy.Paths.Count > 2000);
        ILookup<KnownDifference?, TreeDifference> explained = unpacked.Compare(lazy).ToLookup(
            difference => KnownDifference.All.FirstOrDefault(known => known.Explains(difference, lazy.Find(difference.Path)?["type"] == "directory")));
        Assert.Empty(explained[null]);
        Assert.All(KnownDifference.All, known => Assert.NotEmpty(explained[known]));
    }

    [Fact]
    public async Task A_block_image_shows_the_tree_of_containerd_and_every_layer_is_sound()
    {
        await using TestNode node = await TestNode.StartAsync();
        await BlockTree.AssertIsThatOfContainerdAsync(node, await EdgeImage.MakeAsync(node.Workspace.File("edge")), KnownDifference.All);
    }

    /// <summary>The same with any image that is at hand: <c>SLUICE_TEST_IMAGE</c> names an OCI layout (tag <c>latest</c>).</summary>
    [Fact]
    public async Task So_does_the_image_in_the_environment()
    {
        string? layout = Environment.GetEnvironmentVariable("SLUICE_TEST_IMAGE");
        if (string.IsNullOrEmpty(layout)) Assert.Skip("SLUICE_TEST_IMAGE names no OCI layout");
        await using TestNode node = await TestNode.StartAsync();
        await BlockTree.AssertIsThatOfContainerdAsync(node, layout, KnownDifference.All);
    }

    [Fact]
    public async Task The_tree_is_the_same_however_it_is_stored_and_mounted()
    {
        TestMachine.RequireMounts();
        using Workspace workspace = new();
        string layout = await EdgeImage.MakeAsync(workspace.File("edge"));
        List<TreeListing> listings = [];
        foreach ((string mode, string[] options) in new[]
        {
            ("file", (string[])["--compressor", "zstd"]),
            ("loop", ["--compressor", "lz4_block", "--digester", "sha256", "--chunk-size", "64KiB"]),
        })
        {
            (await SluiceProgram.RunAsync(["convert", "oci:" + layout, $"oci:{workspace.File("rafs")}:{mode}", .. options])).Succeeds();
            await using MountedImage mounted = await MountedImage.MountAsync(workspace, $"oci:{workspace.File("rafs")}:{mode}", mode, "--mode", mode);
            listings.Add(await TreeListing.ReadAsync(mounted.Directory));
        }

        Assert.Empty(listings[0].Compare(listings[1]));
    }
}
