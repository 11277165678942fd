using Sluice.Containerd.Sockets;
using Sluice.EndToEnd.Harness;
using Sluice.EndToEnd.Writable;
using Sluice.Kernel.Keeper;
using Sluice.Kernel.Mounts;
using Sluice.Node.Admin;
using Sluice.Node.Status;

namespace Sluice.EndToEnd.Survival;

/// <summary>A daemon that dies costs those who read and write a pause, and nothing else.</summary>
public sealed class KilledDaemonTests
{
    /// <summary>Of the files of <see cref="OrdinaryImage"/>, past the page cache of the container's own runs.</summary>
    private const string ReadAll = "cat /data/* | sha256sum";

    [Theory]
    [InlineData(ImageFormat.Rafs, "file")]
    [InlineData(ImageFormat.Rafs, "loop")]
    [InlineData(ImageFormat.OverlayBd, "auto")]
    public async Task A_running_container_reads_on(ImageFormat format, string mode)
    {
        await using TestNode node = await StartAsync($"mount:\n  mode: {mode}\n");
        string image = await node.ConvertedAsync(new OrdinaryImage(), format);
        await node.PullAsync(image);
        await node.StartContainerAsync(image, "one");
        MountEntry before = Assert.Single(node.ImageMounts);
        for (int round = 0; round < 2; round++)
        {
            await node.KillDaemonAsync();
            Task<string> waiting = node.ExecAsync("one", ReadAll); // most of it was never read
            await StartDaemonAsync(node);
            Assert.Contains(OrdinaryImage.DataSha256(seed: 1), await waiting, StringComparison.Ordinal);
            Assert.Equal(before, Assert.Single(node.ImageMounts));
            Assert.Contains("READY", await node.RunAsync(image, $"more{round}", "/bin/cat", "/etc/state"), StringComparison.Ordinal);
        }

        await node.RemoveContainerAsync("one");
        await node.CtrAsync("images", "rm", "--sync", image);
        await node.AssertNothingIsLeftAsync();
        Assert.DoesNotContain("removed the mount of an earlier process", node.Daemon!.Log, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("dir", "append")]
    [InlineData("dir", "sparse")]
    [InlineData("dev", "append")]
    public async Task A_container_with_a_disk_of_its_own_writes_on(string mode, string upper)
    {
        await using WritableNode writable = await WritableNode.StartAsync($"writable:\n  mode: {mode}\n  upper: {upper}\n");
        TestNode node = writable.Node;
        await writable.RunAsync("one", mode);
        string sums = await writable.ExecAsync("one", "head -c 3000000 /dev/urandom > /synced && busybox sync && head -c 2000000 /dev/urandom > /written && sha256sum /synced /written");
        for (int round = 0; round < 3; round++)
        {
            await node.KillDaemonAsync();
            Task<string> waiting = writable.ExecAsync("one", $"echo {round} > /round && busybox sync && cat /round");
            await node.StartDaemonAsync();
            Assert.Equal($"{round}\n", await waiting);
        }

        await node.StopDaemonAsync();
        Task<string> over = writable.ExecAsync("one", "head -c 1000000 /dev/urandom > /more && busybox sync && sha256sum /synced /written");
        await node.StartDaemonAsync();
        Assert.Equal(sums, await over);

        // The container is stopped and started on the same disk: nothing had to be checked.
        await writable.StopAsync("one");
        await writable.RestartAsync("one");
        Assert.Equal(sums, await writable.ExecAsync("one", "sha256sum /synced /written"));
        Assert.DoesNotContain("was not unmounted", node.Daemon!.Log, StringComparison.Ordinal);
        await writable.AssertGoneAsync(["one"], writable.Image);
    }

    [Fact]
    public async Task A_container_that_is_started_while_no_daemon_lives_waits_for_the_next()
    {
        await using TestNode node = await TestNode.StartAsync();
        string image = await node.ConvertedAsync(new OrdinaryImage());
        await node.PullAsync(image);
        for (int round = 0; round < 3; round++)
        {
            await node.KillDaemonAsync();
            Task<string>[] starting = [.. Enumerable.Range(0, 4).Select(i => node.RunAsync(image, $"start{round}.{i}", "/bin/cat", "/etc/state"))];
            await TestMachine.UntilAsync(() => Waiting(node) > 0, "a call waits");
            await Task.Delay(TimeSpan.FromSeconds(1.5), TestMachine.Cancellation); // longer than containerd waits for a server that says nothing
            Assert.DoesNotContain(starting, start => start.IsCompleted);
            await node.StartDaemonAsync();
            Assert.Equal(new TakeOverCounts(Killed: round + 1, Stopped: 0, Upgraded: 0), await TakeOversAsync(node));
            Assert.All(await Task.WhenAll(starting), output => Assert.Contains("READY", output, StringComparison.Ordinal));
        }

        await node.CtrAsync("images", "rm", "--sync", image);
        await node.AssertNothingIsLeftAsync();
    }

    /// <summary>Connections that the keeper has taken in place of a daemon: sockets beside the two that it listens on.</summary>
    private static int Waiting(TestNode node) =>
        Directory.GetFileSystemEntries($"/proc/{Keeper(node)}/fd").Count(fd => new FileInfo(fd).LinkTarget?.StartsWith("socket:", StringComparison.Ordinal) == true) - 2;

    /// <summary>Its own memory, 4.3 MiB; the rest are files of the .NET runtime here, which all processes share. <see cref="Deploy.ServiceTests"/> has all of it, of the program as it is shipped.</summary>
    [Fact]
    public async Task The_keeper_stays_small()
    {
        await using WritableNode writable = await WritableNode.StartAsync();
        TestNode node = writable.Node;
        await writable.RunAsync("one", "dir");
        for (int round = 0; round < 3; round++)
        {
            await node.KillDaemonAsync();
            await node.StartDaemonAsync();
            Assert.Equal($"{round}\n", await writable.ExecAsync("one", $"echo {round} > /round && busybox sync && cat /round"));
        }

        Assert.Equal(3, KeeperProcess.Names(node.State)!.Count); // disks, writable disks, containerd's socket
        Assert.InRange(Processes.Memory(Keeper(node), "RssAnon"), 1, 9 << 20);
    }

    [Fact]
    public async Task What_is_mounted_stays_at_SIGTERM_and_goes_with_umount_all()
    {
        await using TestNode node = await TestNode.StartAsync();
        string image = await node.ConvertedAsync(new OrdinaryImage());
        await node.PullAsync(image);
        await node.StartContainerAsync(image, "one");
        IReadOnlyList<MountEntry> before = node.Workspace.Mounts("sluice");
        await node.StopDaemonAsync();
        Assert.Equal(before, node.Workspace.Mounts("sluice"));
        string socket = SluiceDaemon.SocketOf(node.Workspace.File("sluice"));
        Assert.Equal(["disks", ListeningSocket.NameAt(socket)!], KeeperProcess.Names(node.State)!);
        Task<string> waiting = node.ExecAsync("one", ReadAll);
        await node.StartDaemonAsync();
        Assert.Contains(OrdinaryImage.DataSha256(seed: 1), await waiting, StringComparison.Ordinal);
        Assert.Equal(new TakeOverCounts(Killed: 0, Stopped: 1, Upgraded: 0), await TakeOversAsync(node));

        await node.StopDaemonAsync();
        await node.UnmountAllAsync(); // with no daemon there
        Assert.Empty(node.Workspace.Mounts("sluice"));
        Assert.False(File.Exists(socket));
        Assert.Null(KeeperProcess.Names(node.State));
        await node.StartDaemonAsync();
        await node.UnmountAllAsync(); // by the daemon
        Assert.Empty(node.Workspace.Mounts("sluice"));
        Assert.False(File.Exists(socket));
        Assert.Null(KeeperProcess.Names(node.State));
    }

    private static string Keeper(TestNode node) => Assert.Single(Processes.With($"__keeper {node.State} "));

    private static async Task<TakeOverCounts> TakeOversAsync(TestNode node) => (await new AdminClient(node.AdminSocket).StatusAsync(TestMachine.Cancellation)).TakeOvers;

    private static async Task<TestNode> StartAsync(string configuration)
    {
        TestMachine.RequireContainerd();
        string file = Path.Combine(Path.GetTempPath(), $"sluice-e2e-{Guid.NewGuid():n}.yaml");
        await File.WriteAllTextAsync(file, configuration);
        TestNode node = await TestNode.StartAsync(null, "--config", file);
        File.Move(file, node.Workspace.File("config.yaml"));
        return node;
    }

    private static Task StartDaemonAsync(TestNode node) => node.StartDaemonAsync("--config", node.Workspace.File("config.yaml"));
}
