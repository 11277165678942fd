using Sluice.Containerd.Client;
using Sluice.Containerd.Grpc;
using Sluice.EndToEnd.Cri;
using Sluice.EndToEnd.Harness;
using Sluice.EndToEnd.Trees;
using Sluice.Testing;

namespace Sluice.EndToEnd.Starts;

/// <summary>Ordinary images that the node brings by itself are what containerd would have made of them, and where it can't, containerd does.</summary>
public sealed class EagerPullTests : IDisposable
{
    private readonly TemporaryDirectory _directory = new();
    private readonly string[] _eager;

    public EagerPullTests()
    {
        string config = Path.Combine(_directory.Path, "config.yaml");
        File.WriteAllText(config, "policies:\n  \"*\": eager\n");
        _eager = ["--config", config];
    }

    public void Dispose() => _directory.Dispose();

    [Fact]
    public async Task The_tree_is_that_of_containerd()
    {
        await using TestNode node = await TestNode.StartAsync(null, _eager);
        string layout = await EdgeImage.MakeAsync(node.Workspace.File("edge"));
        string image = node.Image("edge:latest");
        await Skopeo.CopyAsync($"oci:{layout}:latest", "docker://" + image);
        await node.CtrAsync("images", "pull", "--plain-http", "--snapshotter", "overlayfs", image);
        await node.CtrAsync("images", "mount", image, node.Workspace.MakeDirectory("unpacked"));
        TreeListing unpacked = await TreeListing.ReadAsync(node.Workspace.File("unpacked"));

        await node.PullAsync(image);
        TreeListing eager = await TreeListing.ReadAsync(await node.ViewAsync("eager"));
        Assert.True(eager.Paths.Count > 2000);
        Assert.DoesNotContain("left to containerd", node.Daemon!.Log, StringComparison.Ordinal);
        Assert.DoesNotContain(unpacked.Compare(eager), difference => !IsKnown(difference, eager.Find(difference.Path)?["type"] == "directory"));
        Assert.Empty(Directory.GetFileSystemEntries(Path.Combine(node.Root, "layers")));
    }

    [Fact]
    public async Task A_pod_runs_from_it_and_containerd_downloads_no_layer()
    {
        await using TestNode node = await CriNode.StartAsync(_eager);
        string image = node.Image("app:v1");
        await new OrdinaryImage().PushAsync(image);
        using CriClient cri = CriNode.Connect(node);
        await cri.PullAsync(image);
        IReadOnlyList<string> layers = await TestNode.LayersAsync(image);
        using (ContainerdClient client = node.Connect("k8s.io"))
            Assert.DoesNotContain(await client.Content.ListAsync([], TestMachine.Cancellation), blob => layers.Contains(blob.Digest.ToString()));

        await node.Registry.StopAsync();
        await node.Registry.StartAsync();
        node.Registry.Forget();
        string sandbox = await cri.RunSandboxAsync();
        string container = await cri.CreateContainerAsync(sandbox, image, "app");
        await cri.StartContainerAsync(container);
        Assert.Equal(0, (await cri.WaitForExitAsync(container)).ExitCode);
        Assert.Contains("READY", await File.ReadAllTextAsync(node.Workspace.File("logs/app.log")), StringComparison.Ordinal);
        Assert.DoesNotContain(node.Registry.BlobReads, read => layers.Any(layer => read.Path.EndsWith(layer, StringComparison.Ordinal)));

        await cri.StopAndRemoveSandboxAsync(sandbox);
        await cri.RemoveImageAsync(image);
        await cri.RemoveImageAsync(node.Image("pause:v1"));
        await node.CollectGarbageAsync("k8s.io");
        await node.AssertNothingIsLeftAsync();
    }

    [Fact]
    public async Task What_the_node_may_not_read_is_left_to_containerd()
    {
        await using TestNode node = await CriNode.StartAsync(_eager);
        string image = node.Image("app:v1");
        await new OrdinaryImage().PushAsync(image);
        IReadOnlyList<string> layers = await TestNode.LayersAsync(image);
        await node.Registry.StopAsync();
        node.Registry.User = "alice";
        await node.Registry.StartAsync();
        using CriClient cri = CriNode.Connect(node);
        await cri.PullAsync(image, "alice", "secret");
        Assert.Contains($"{image}: its layers are left to containerd: registry {node.Registry.Host}", node.Daemon!.Log, StringComparison.Ordinal);
        using ContainerdClient client = node.Connect("k8s.io");
        Assert.Superset(layers.ToHashSet(), (await client.Content.ListAsync([], TestMachine.Cancellation)).Select(blob => blob.Digest.ToString()).ToHashSet());
    }

    [Fact]
    public async Task A_layer_with_other_content_than_its_digest_is_named()
    {
        await using TestNode node = await CriNode.StartAsync(_eager);
        string image = node.Image("app:v1");
        await new OrdinaryImage().PushAsync(image);
        string layer = (await TestNode.LayersAsync(image))[1], path = node.Registry.BlobPath(layer["sha256:".Length..]);
        byte[] content = await File.ReadAllBytesAsync(path, TestMachine.Cancellation);
        byte[] wrong = [.. content];
        wrong[content.Length / 2] ^= 1;
        await File.WriteAllBytesAsync(path, wrong, TestMachine.Cancellation);

        (await node.TryPullAsync(image)).Fails(3, "its layers can't be unpacked here", layer, "other content than its digest says");
        using CriClient cri = CriNode.Connect(node);
        await Assert.ThrowsAsync<GrpcException>(() => cri.PullAsync(image)); // of containerd, which tried it, too
        Assert.Contains($"layer {layer} is left to containerd", node.Daemon!.Log, StringComparison.Ordinal);
        Assert.Empty(Directory.GetFileSystemEntries(Path.Combine(node.Root, "layers")).Skip(1)); // the layers above, which nobody has asked for

        await File.WriteAllBytesAsync(path, content, TestMachine.Cancellation);
        await node.CollectGarbageAsync("k8s.io");
        await cri.PullAsync(image);
        await node.PullAsync(image);
        Assert.Contains("READY", await node.RunAsync(image, "one"), StringComparison.Ordinal);
        Assert.Empty(Directory.GetFileSystemEntries(Path.Combine(node.Root, "layers")));
    }

    /// <summary>Rows of docs/differences.md: times and the mode of fifos.</summary>
    private static bool IsKnown(TreeDifference difference, bool isDirectory) => difference.Field is "mtime" or "mode" && KnownDifference.All.Any(known => known.Explains(difference, isDirectory));
}
