using Sluice.Containerd.Client;
using Sluice.Containerd.Grpc;
using Sluice.EndToEnd.Cri.Protos;
using Sluice.EndToEnd.Harness;

namespace Sluice.EndToEnd.Cri;

/// <summary>Pods as Kubernetes makes them, through containerd's CRI plugin with Sluice as its snapshotter.</summary>
public sealed class CriTests
{
    [Theory]
    [InlineData(ImageFormat.Rafs)]
    [InlineData(ImageFormat.OverlayBd)]
    public async Task A_pod_runs_from_a_lazy_image(ImageFormat format)
    {
        await using TestNode node = await CriNode.StartAsync();
        string image = await node.ConvertedAsync(new OrdinaryImage(), format);
        using CriClient cri = CriNode.Connect(node);
        node.Registry.Forget();
        string reference = await cri.PullAsync(image);
        Assert.StartsWith("sha256:", reference, StringComparison.Ordinal);
        Assert.Empty(node.Registry.BlobReads.Where(read => read.Range is null).Skip(2)); // configuration and bootstrap

        string sandbox = await cri.RunSandboxAsync();
        node.Registry.Forget(); // the sandbox has an ordinary image, which came whole
        string container = await cri.CreateContainerAsync(sandbox, image, "app");
        await cri.StartContainerAsync(container);
        ContainerStatus status = await cri.WaitForExitAsync(container);
        Assert.True(status.ExitCode == 0, $"{status}\n{node.Daemon!.Log}");
        Assert.StartsWith(node.Image("app@sha256:"), status.ImageRef, StringComparison.Ordinal);
        Assert.Contains("READY", await File.ReadAllTextAsync(node.Workspace.File("logs/app.log")), StringComparison.Ordinal);
        Assert.InRange(node.Registry.RangedBytes, 1, OrdinaryImage.DataFiles * OrdinaryImage.DataFileSize / 2);
        Assert.Single(node.ImageMounts);

        await cri.StopAndRemoveSandboxAsync(sandbox);
        await cri.RemoveImageAsync(image);
        await cri.RemoveImageAsync(node.Image("pause:v1"));
        await node.CollectGarbageAsync("k8s.io");
        await node.AssertNothingIsLeftAsync();
    }

    [Theory]
    [InlineData(ImageFormat.Rafs, true)]
    [InlineData(ImageFormat.Rafs, false)]
    [InlineData(ImageFormat.OverlayBd, true)]
    [InlineData(ImageFormat.OverlayBd, false)]
    public async Task A_pull_by_CRI_and_one_by_sluice_are_of_one_image(ImageFormat format, bool criFirst)
    {
        await using TestNode node = await CriNode.StartAsync();
        string image = await node.ConvertedAsync(new OrdinaryImage(), format);
        using CriClient cri = CriNode.Connect(node);
        if (criFirst) await cri.PullAsync(image);
        await node.PullAsync(image, "--namespace", "k8s.io");
        if (!criFirst) await cri.PullAsync(image);

        string sandbox = await cri.RunSandboxAsync();
        string container = await cri.CreateContainerAsync(sandbox, image, "app");
        await cri.StartContainerAsync(container);
        ContainerStatus status = await cri.WaitForExitAsync(container);
        Assert.True(status.ExitCode == 0, $"{status}\n{node.Daemon!.Log}");
        await node.PullAsync(image); // and into another namespace
        Assert.Contains("READY", await node.RunAsync(image, "other"), StringComparison.Ordinal);
        Assert.Single(node.ImageMounts);

        await cri.StopAndRemoveSandboxAsync(sandbox);
        await cri.RemoveImageAsync(image);
        await cri.RemoveImageAsync(node.Image("pause:v1"));
        await node.CollectGarbageAsync("k8s.io");
        Assert.Contains("READY", await node.RunAsync(image, "still"), StringComparison.Ordinal);
        await node.CtrAsync("images", "rm", "--sync", image);
        await node.AssertNothingIsLeftAsync();
    }

    [Theory]
    [InlineData(ImageFormat.Rafs)]
    [InlineData(ImageFormat.OverlayBd)]
    public async Task A_pull_without_credentials_says_who_refused_and_what_to_do(ImageFormat format)
    {
        await using TestNode node = await CriNode.StartAsync();
        string image = await node.ConvertedAsync(new OrdinaryImage(), format);
        await node.Registry.StopAsync();
        node.Registry.User = "alice";
        await node.Registry.StartAsync();
        using CriClient cri = CriNode.Connect(node);

        // containerd has the credentials of the pod, Sluice has none.
        GrpcException refused = await Assert.ThrowsAsync<GrpcException>(() => cri.PullAsync(image, "alice", "secret"));
        Assert.Contains(node.Registry.Host, refused.Message, StringComparison.Ordinal);
        Assert.Contains("login", refused.Message, StringComparison.Ordinal);

        await node.StopDaemonAsync();
        string auth = node.Workspace.File("auth.json");
        await File.WriteAllTextAsync(auth, $$"""{"auths": { "{{node.Registry.Host}}": { "username": "alice", "password": "secret" } } }""");
        await node.StartDaemonAsync("--authfile", auth);
        await node.CollectGarbageAsync("k8s.io"); // see below
        await CriNode.PullAgainAsync(cri, image, "alice", "secret");
    }

    [Theory]
    [InlineData(ImageFormat.Rafs)]
    [InlineData(ImageFormat.OverlayBd)]
    public async Task A_pull_of_a_corrupt_image_says_what_is_corrupt(ImageFormat format)
    {
        await using TestNode node = await CriNode.StartAsync();
        string image = await node.ConvertedAsync(new OrdinaryImage(), format);
        string top = (await TestNode.LayersAsync(image))[^1];
        string path = node.Registry.BlobPath(top["sha256:".Length..]);
        byte[] content = await File.ReadAllBytesAsync(path), corrupt = [.. content];
        corrupt[format == ImageFormat.Rafs ? content.Length / 2 : IndexOf(content)] ^= 1;
        await File.WriteAllBytesAsync(path, corrupt);
        using CriClient cri = CriNode.Connect(node);
        GrpcException refused = await Assert.ThrowsAsync<GrpcException>(() => cri.PullAsync(image));
        Assert.Contains(node.Registry.Host, refused.Message, StringComparison.Ordinal);
        Assert.Contains(top, refused.Message, StringComparison.Ordinal);
        Assert.Empty(node.ImageMounts);
        await File.WriteAllBytesAsync(path, content);
        await node.CollectGarbageAsync("k8s.io"); // containerd takes layers of the failed pull for its own while it is collecting them
        await cri.PullAsync(image);
    }

    [Theory]
    [InlineData(ImageFormat.Rafs)]
    [InlineData(ImageFormat.OverlayBd)]
    public async Task A_registry_that_is_away_is_named_by_the_pull_and_by_the_log_of_the_read(ImageFormat format)
    {
        await using TestNode node = await CriNode.StartAsync();
        string config = node.Workspace.File("config.yaml");
        await File.WriteAllTextAsync(config, "fetch:\n  deadline_seconds: 2\n");
        await node.StopDaemonAsync();
        await node.StartDaemonAsync("--config", config);
        string image = await node.ConvertedAsync(new OrdinaryImage(command: ["/bin/sha256sum", "/data/0"]), format);
        using CriClient cri = CriNode.Connect(node);
        await cri.PullAsync(image);
        string sandbox = await cri.RunSandboxAsync();
        string reader = await cri.CreateContainerAsync(sandbox, image, "reader");
        await node.Registry.StopAsync();

        GrpcException error = await Assert.ThrowsAsync<GrpcException>(() => cri.PullAsync(node.Image("other:v1")));
        Assert.Contains(node.Registry.Host, error.Message, StringComparison.Ordinal);
        await cri.StartContainerAsync(reader);
        Assert.NotEqual(0, (await cri.WaitForExitAsync(reader)).ExitCode);
        Assert.Matches("(?i)input/output error|i/o error", await File.ReadAllTextAsync(node.Workspace.File("logs/reader.log")));
        Assert.Contains($"registry {node.Registry.Host}", node.Daemon!.Log, StringComparison.Ordinal);

        // Nothing is stuck: with the registry back, the next container runs.
        await node.Registry.StartAsync();
        string container = await cri.CreateContainerAsync(sandbox, image, "again");
        await cri.StartContainerAsync(container);
        Assert.Equal(0, (await cri.WaitForExitAsync(container)).ExitCode);
        await cri.StopAndRemoveSandboxAsync(sandbox);
    }

    /// <summary>A byte of the jump table of a block layer: its ZFile ends with the table and a trailer of 512 bytes, its tar with two empty blocks or more.</summary>
    private static int IndexOf(byte[] layer) => layer.AsSpan().LastIndexOf("ZFile\0\u0001"u8) - 8;
}
