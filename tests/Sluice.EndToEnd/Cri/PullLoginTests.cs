using Sluice.Containerd.Grpc;
using Sluice.EndToEnd.Cri.Protos;
using Sluice.EndToEnd.Harness;

namespace Sluice.EndToEnd.Cri;

/// <summary>A kubelet whose image service is the daemon: what it pulls with is known when the image is read.</summary>
public sealed class PullLoginTests
{
    [Fact]
    public async Task A_pod_runs_from_an_image_that_only_the_pulls_login_opens()
    {
        await using TestNode node = await CriNode.StartAsync();
        string image = await node.ConvertedAsync(new OrdinaryImage(), ImageFormat.Rafs);
        await node.Registry.StopAsync();
        node.Registry.User = "alice";
        await node.Registry.StartAsync();
        string config = node.Workspace.File("config.yaml");
        await File.WriteAllTextAsync(config, $"log_level: debug\ncredentials:\n  cri:\n    containerd: {node.Containerd.Socket}\n");
        await node.StopDaemonAsync();
        await node.StartDaemonAsync("--config", config);
        using CriClient cri = CriNode.Connect(node);
        using CriClient images = new(SluiceSocket(node), node.Workspace.MakeDirectory("logs"));

        GrpcException refused = await Assert.ThrowsAsync<GrpcException>(() => images.PullAsync(image));
        Assert.Contains(node.Registry.Host, refused.Message, StringComparison.Ordinal);
        await CriNode.PullAgainAsync(images, node.Image("pause:v1"), "alice", "secret");
        await images.PullAsync(image, "alice", "secret");
        string sandbox = await cri.RunSandboxAsync();
        string container = await cri.CreateContainerAsync(sandbox, image, "app");
        await cri.StartContainerAsync(container);
        ContainerStatus status = await cri.WaitForExitAsync(container);
        Assert.True(status.ExitCode == 0, $"{status}\n{node.Daemon!.Log}");
        Assert.Contains("READY", await File.ReadAllTextAsync(node.Workspace.File("logs/app.log")), StringComparison.Ordinal);
        await cri.StopAndRemoveSandboxAsync(sandbox);

        // The rest of the image service is passed on, answers and errors.
        await images.RemoveImageAsync(image);
        GrpcException missing = await Assert.ThrowsAsync<GrpcException>(() => images.PullAsync(node.Image("missing:v1"), "alice", "secret"));
        Assert.Equal(GrpcStatusCode.NotFound, missing.Status);
        Assert.Contains($"The login of a pull of {node.Registry.Host}/app is remembered", node.Daemon!.Log, StringComparison.Ordinal);
        Assert.DoesNotContain("alice", node.Daemon!.Log, StringComparison.Ordinal);
    }

    private static string SluiceSocket(TestNode node) => Path.Combine(node.State, "containerd.sock");
}
