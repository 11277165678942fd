using System.Diagnostics;
using Sluice.Containerd.Sockets;
using Sluice.EndToEnd.Harness;
using Sluice.Kernel.Keeper;
using Sluice.Kernel.Mounts;
using Sluice.Testing.Runtime;

namespace Sluice.EndToEnd.Survival;

/// <summary>SIGTERM while the daemon starts or stops.</summary>
public sealed class StopAtAnyMomentTests
{
    [Fact]
    public async Task It_ends_in_order_and_nothing_is_left()
    {
        TestMachine.RequireMounts();
        using Workspace workspace = new();
        string directory = workspace.File("sluice");
        Random random = new(3);
        for (int round = 0; round < 8; round++)
        {
            await StopAsync(directory, random.Next(round * 100), signals: 1 + (round % 2));
            Assert.Empty(workspace.Mounts());
            Assert.Null(KeeperProcess.Names(SluiceDaemon.StateOf(directory)));
        }
    }

    [Fact]
    public async Task What_is_mounted_goes_on_with_the_next_daemon()
    {
        await using TestNode node = await TestNode.StartAsync();
        string rafs = await node.ConvertedAsync(new OrdinaryImage()), block = await node.ConvertedAsync(new OrdinaryImage("BLOCK", seed: 2), ImageFormat.OverlayBd, "block:v1");
        foreach (string image in (string[])[rafs, block]) await node.PullAsync(image);
        await node.StartContainerAsync(rafs, "rafs");
        await node.StartContainerAsync(block, "block");
        IReadOnlyList<MountEntry> before = node.Workspace.Mounts("sluice");
        await node.StopDaemonAsync();
        Random random = new(4);
        for (int round = 0; round < 12; round++)
        {
            Task<string>[] waiting = round % 4 == 0 ? [node.ExecAsync("rafs", $"cat /data/{round / 4} /data/7 | sha256sum"), node.ExecAsync("block", $"cat /data/{round / 4} /data/7 | sha256sum")] : [];
            await StopAsync(node.Workspace.File("sluice"), random.Next(round * 60), signals: 1 + (round % 2));
            Assert.Equal(before, node.Workspace.Mounts("sluice"));
            Assert.Equal(["disks", ListeningSocket.NameAt(SluiceDaemon.SocketOf(node.Workspace.File("sluice")))!], KeeperProcess.Names(node.State)!);
            Assert.Empty(Processes.With($"--state {node.State} "));
            if (waiting.Length == 0) continue;
            await node.StartDaemonAsync();
            Assert.All(await Task.WhenAll(waiting), sum => Assert.Equal(64, sum.IndexOf(' ', StringComparison.Ordinal)));
            await node.StopDaemonAsync();
        }

        await node.StartDaemonAsync();
        Assert.Contains(OrdinaryImage.DataSha256(seed: 1), await node.ExecAsync("rafs", "cat /data/* | sha256sum"), StringComparison.Ordinal);
        Assert.Contains(OrdinaryImage.DataSha256(seed: 2), await node.ExecAsync("block", "cat /data/* | sha256sum"), StringComparison.Ordinal);
        foreach (string container in (string[])["rafs", "block"]) await node.RemoveContainerAsync(container);
        foreach (string image in (string[])[rafs, block]) await node.CtrAsync("images", "rm", "--sync", image);
        await node.AssertNothingIsLeftAsync();
    }

    /// <summary>Starts a daemon, sends SIGTERM some milliseconds after it has begun, and waits until it has ended. Before it has installed its handlers the signal itself ends it.</summary>
    private static async Task StopAsync(string directory, int after, int signals)
    {
        string state = SluiceDaemon.StateOf(directory);
        using Process daemon = SluiceProgram.Start(["daemon", "--root", SluiceDaemon.RootOf(directory), "--state", state]);
        Task<string> errors = daemon.StandardError.ReadToEndAsync(TestMachine.Cancellation);
        _ = daemon.StandardOutput.ReadToEndAsync(TestMachine.Cancellation);
        await TestMachine.UntilAsync(() => daemon.HasExited || Directory.Exists(state), "the daemon has begun");
        await Task.Delay(after, TestMachine.Cancellation);
        for (int signal = 0; signal < signals; signal++) await Command.RunAsync("/bin/kill", [$"{daemon.Id}"]);
        await daemon.WaitForExitAsync(TestMachine.Cancellation);
        Assert.True(daemon.ExitCode is 0 || (daemon.ExitCode is 143 && (await errors).Length == 0), $"after {after} ms: {daemon.ExitCode}\n{await errors}");
        Assert.DoesNotContain("internal error", await errors, StringComparison.Ordinal);
    }
}
