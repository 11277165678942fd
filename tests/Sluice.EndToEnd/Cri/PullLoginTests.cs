using Sluice.Containerd.Grpc;
using Sluice.EndToEnd.Cri.Protos;
using Sluice.EndToEnd.Harness;
using Sluice.Kernel.Keeper;
using Sluice.Testing.Runtime;

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

    [Fact]
    public async Task A_killed_daemons_successor_reads_on_with_the_login_of_the_pull()
    {
        await using TestNode node = await CriNode.StartAsync();
        string image = await node.ConvertedAsync(new OrdinaryImage(), ImageFormat.Rafs);
        await node.Registry.StopAsync();
        node.Registry.User = "alice";
        await node.Registry.StartAsync();
        string config = node.Workspace.File("config.yaml"), file = Path.Combine(node.State, "pull-logins");
        await File.WriteAllTextAsync(config, $"log_level: debug\ncredentials:\n  cri:\n    containerd: {node.Containerd.Socket}\n");

        // On a disk nothing is written.
        await node.UnmountAllAsync();
        await node.StartDaemonAsync("--config", config);
        using CriClient images = new(SluiceSocket(node), node.Workspace.MakeDirectory("logs"));
        if (new DriveInfo(node.State).DriveFormat != "tmpfs")
        {
            Assert.Contains("Logins of pulls are not kept for the next daemon", node.Daemon!.Log, StringComparison.Ordinal);
            await CriNode.PullAgainAsync(images, image, "alice", "secret");
            Assert.False(File.Exists(file));
            await images.RemoveImageAsync(image);
        }

        await node.UnmountAllAsync();
        Assert.Equal(0, (await Command.RunAsync("/bin/mount", ["-t", "tmpfs", "-o", "mode=700", "tmpfs", node.State])).ExitCode);
        try
        {
            await node.StartDaemonAsync("--config", config);
            await CriNode.PullAgainAsync(images, image, "alice", "secret");
            await images.PullAsync(node.Image("pause:v1"), "alice", "secret");
            using CriClient cri = CriNode.Connect(node);
            string sandbox = await cri.RunSandboxAsync();
            await cri.CreateContainerAsync(sandbox, image, "app");
            string view = Assert.Single(node.ImageMounts).MountPoint;
            Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(file));
            await node.KillDaemonAsync();
            await node.StartDaemonAsync("--config", config);
            await ReadAsync(node, Path.Combine(view, "data/3"));

            // An orderly restart, too.
            await node.StopDaemonAsync();
            await node.StartDaemonAsync("--config", config);
            await ReadAsync(node, Path.Combine(view, "data/4"));
            await cri.StopAndRemoveSandboxAsync(sandbox);

            // A second daemon by mistake touches nothing.
            Assert.NotEqual(0, (await SluiceProgram.RunAsync("daemon", "--root", node.Workspace.File("other"), "--state", node.State)).ExitCode);
            Assert.True(File.Exists(file));

            // Without the service the file goes, also while the daemon runs.
            string asked = await File.ReadAllTextAsync(config);
            await File.WriteAllTextAsync(config, "log_level: debug\n");
            await ReloadAsync(node);
            Assert.False(File.Exists(file));
            GrpcException unknown = await Assert.ThrowsAsync<GrpcException>(() => images.PullAsync(image, "alice", "secret"));
            Assert.Equal(GrpcStatusCode.Unimplemented, unknown.Status);
            await File.WriteAllTextAsync(config, asked);
            await ReloadAsync(node);
            await images.PullAsync(image, "alice", "secret");
            await node.StopDaemonAsync();
            await node.StartDaemonAsync();
            Assert.False(File.Exists(file));
        }
        finally
        {
            await SluiceDaemon.UnmountAllAsync(node.Workspace.File("sluice")); // what it says would hide why the test failed
            KeeperProcess.Stop(node.State, anyway: true);
            await Command.RunAsync("/bin/umount", ["-l", node.State]);
        }
    }

    /// <summary>The daemon may have noticed the file before: then nothing has changed any more.</summary>
    private static async Task ReloadAsync(TestNode node) =>
        Assert.Matches("changed: credentials.cri|nothing has changed", (await SluiceProgram.RunAsync("reload", "--admin-address", node.AdminSocket)).Succeeds().Output);

    private static async Task ReadAsync(TestNode node, string file)
    {
        (int status, string said) = await Command.RunAsync("/bin/sh", ["-c", $"cat {file} > /dev/null"]);
        Assert.True(status == 0, $"{said}\n{node.Daemon!.Log}");
    }

    private static string SluiceSocket(TestNode node) => Path.Combine(node.State, "containerd.sock");
}
