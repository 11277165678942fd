using Sluice.Containerd.Client;
using Sluice.Containerd.Snapshots;
using Sluice.EndToEnd.Harness;

namespace Sluice.EndToEnd.Writable;

/// <summary>Containers that write to a disk of their own, beside others.</summary>
public sealed class WritableContainerTests
{
    private const string Write = "mkdir -p /data/new && head -c 3000000 /dev/urandom > /data/new/random && echo changed > /etc/state && busybox rm /data/1 && busybox sync && sha256sum /data/new/random";
    private const string Read = "sha256sum /data/new/random";

    [Theory]
    [InlineData("dir", "append")]
    [InlineData("dir", "sparse")]
    [InlineData("dev", "append")]
    [InlineData("overlayfs", "append")]
    public async Task What_a_container_wrote_is_there_after_restarts_of_all_kinds(string mode, string upper)
    {
        await using WritableNode writable = await WritableNode.StartAsync($"writable:\n  mode: {mode}\n  upper: {upper}\n");
        TestNode node = writable.Node;
        await writable.RunAsync("one", null);
        await writable.RunAsync("two", null);
        string sum = await writable.ExecAsync("one", Write);
        Assert.Equal("READY\n", await writable.ExecAsync("two", "cat /etc/state"));
        Assert.Equal((mode == "dir" ? 2 : 0, mode == "overlayfs" ? 0 : 2), (writable.Mounts.Count, writable.Devices.Count));

        await writable.StopAsync("one");
        await writable.RestartAsync("one");
        Assert.Equal(sum, await writable.ExecAsync("one", Read));

        await writable.StopAsync("one");
        await node.UnmountAllAsync();
        Assert.Empty(node.Workspace.Mounts("sluice"));
        await node.StartDaemonAsync("--config", Configuration(node, mode, upper));
        await writable.RestartAsync("one");
        Assert.Equal(sum, await writable.ExecAsync("one", Read));

        await node.KillDaemonAsync();
        await writable.StopAsync("one");
        await node.StartDaemonAsync();
        await writable.RestartAsync("one");
        Assert.Equal(sum + "changed\n", await writable.ExecAsync("one", Read + " && cat /etc/state && test ! -e /data/1"));
        await writable.AssertGoneAsync(["one", "two"], writable.Image);
    }

    [Fact]
    public async Task All_modes_run_beside_rafs_and_ordinary_images_and_nothing_is_left()
    {
        await using WritableNode writable = await WritableNode.StartAsync();
        TestNode node = writable.Node;
        string rafs = node.Image("app:rafs"), ordinary = node.Image("app:v1");
        (await SluiceProgram.RunAsync("convert", ordinary, rafs)).Succeeds();
        await node.PullAsync(rafs);
        await node.CtrAsync("images", "pull", "--plain-http", "--snapshotter", "sluice", ordinary);
        for (int round = 0; round < 3; round++)
        {
            await writable.RunAsync($"dir{round}", "dir");
            await writable.RunAsync($"dev{round}", "dev");
            await writable.RunAsync($"over{round}", null);
            await writable.RunAsync($"rafs{round}", null, rafs);
            await writable.RunAsync($"plain{round}", null, ordinary);
            foreach (string id in new[] { "dir", "dev", "over", "rafs", "plain" }) Assert.StartsWith("READY", await writable.ExecAsync($"{id}{round}", $"cat /etc/state; {Write}"), StringComparison.Ordinal);
            Assert.Equal(((round + 1), (round + 1) * 2), (writable.Mounts.Count, writable.Devices.Count));
        }

        foreach ((string image, string mode, string says) in new[] { (rafs, "dir", "is not a block image"), (ordinary, "dev", "does not stand on a lazily served block image"), (writable.Image, "odd", "there are: overlayfs, dir, dev") })
        {
            (int exitCode, string output) = await writable.TryRunAsync("refused", mode, image);
            Assert.NotEqual(0, exitCode);
            Assert.Contains(says, output, StringComparison.Ordinal);
        }

        await node.KillDaemonAsync();
        await node.StartDaemonAsync();
        string[] all = [.. Enumerable.Range(0, 3).SelectMany(round => new[] { "dir", "dev", "over", "rafs", "plain" }.Select(id => id + round))];
        await writable.AssertGoneAsync(all, rafs, ordinary, writable.Image);
        await node.UnmountAllAsync();
        Assert.Empty(node.Workspace.Mounts("sluice"));
    }

    [Fact]
    public async Task Snapshots_answer_as_containerd_expects()
    {
        await using WritableNode writable = await WritableNode.StartAsync();
        TestNode node = writable.Node;
        await writable.RunAsync("dir", "dir");
        await writable.RunAsync("dev", "dev");
        await writable.ExecAsync("dir", "head -c 5000000 /dev/urandom > /random && busybox sync");
        using ContainerdClient client = node.Connect();
        SnapshotStore snapshots = client.Snapshots("sluice");
        SnapshotMount directory = Assert.Single(await snapshots.MountsAsync(node.Id("dir"), TestMachine.Cancellation)), device = Assert.Single(await snapshots.MountsAsync(node.Id("dev"), TestMachine.Cancellation));
        Assert.Equal(("bind", writable.Mounts[0].MountPoint), (directory.Type, directory.Source));
        Assert.Equal("ext4", device.Type);
        Assert.Contains(device.Source, writable.Devices);
        Assert.InRange((await snapshots.UsageAsync(node.Id("dir"), TestMachine.Cancellation)).Size, 5_000_000, 20_000_000);

        (int exitCode, string output) = await node.Containerd.TryCtrAsync("snapshots", "--snapshotter", "sluice", "commit", "new", node.Id("dir"));
        Assert.NotEqual(0, exitCode);
        Assert.Contains("sluice commit", output, StringComparison.Ordinal);
        await writable.AssertGoneAsync(["dir", "dev"], writable.Image);
    }

    [Fact]
    public async Task A_disk_that_can_not_be_mounted_leaves_nothing_and_is_named()
    {
        await using WritableNode writable = await WritableNode.StartAsync();
        TestNode node = writable.Node;
        await node.Registry.StopAsync();
        File.WriteAllText(Path.Combine(node.State, "pending"), "in the way");
        (int exitCode, string output) = await writable.TryRunAsync("one", "dir", writable.Image);
        Assert.NotEqual(0, exitCode);
        Assert.Contains("pending", output, StringComparison.Ordinal);
        File.Delete(Path.Combine(node.State, "pending"));
        await node.CtrAsync("containers", "rm", node.Id("one")).ContinueWith(_ => { }, TaskScheduler.Default);
        Assert.Empty(writable.Devices);
        Assert.Empty(Directory.GetDirectories(Path.Combine(node.Root, "snapshots")));
        await node.Registry.StartAsync();
        await writable.RunAsync("two", "dir");
        await writable.AssertGoneAsync(["two"], writable.Image);
    }

    private static string Configuration(TestNode node, string mode, string upper)
    {
        string file = node.Workspace.File("config.yaml");
        File.WriteAllText(file, $"writable:\n  mode: {mode}\n  upper: {upper}\n");
        return file;
    }
}
