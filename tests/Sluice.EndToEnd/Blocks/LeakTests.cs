using Sluice.EndToEnd.Harness;
using Sluice.Formats.Oci;
using Sluice.Kernel.Mounts;
using Sluice.Storage.Sources;
using Sluice.Testing.Images;
using Sluice.Testing.Runtime;

namespace Sluice.EndToEnd.Blocks;

/// <summary>Whatever goes wrong with a block image, its devices, mounts, disks, files and processes are gone afterwards.</summary>
public sealed class LeakTests
{
    [Fact]
    public async Task Images_that_can_not_be_mounted_leave_nothing()
    {
        await using TestNode node = await TestNode.StartAsync();
        byte[] noise = new byte[1 << 20], broken = new byte[1 << 20];
        new Random(1).NextBytes(noise);
        (broken[1080], broken[1081]) = (0x53, 0xEF);
        foreach ((string name, byte[] device, string says) in new[] { ("noise", noise, "no ext4, xfs or EROFS"), ("broken", broken, "mount refused") })
        {
            string image = node.Image(name + ":v1");
            await StoreAsync(new BlockImage(RunnableBlockImage.Pack(device, new byte[1 << 20])), image);
            await node.PullAsync(image);
            for (int round = 0; round < 3; round++) await RefusedAsync(node, image, says);
            await node.CtrAsync("images", "rm", "--sync", image);
            await node.AssertNothingIsLeftAsync();
        }
    }

    [Fact]
    public async Task A_layer_that_is_missing_and_a_registry_that_is_away_leave_nothing()
    {
        await using TestNode node = await StartImpatientAsync();
        string image = await node.ConvertedAsync(new OrdinaryImage(), ImageFormat.OverlayBd);
        string lowest = node.Registry.BlobPath((await TestNode.LayersAsync(image))[0]["sha256:".Length..]);
        File.Move(lowest, lowest + ".away");
        (await node.TryPullAsync(image)).Fails(4, node.Registry.Host, "does not exist");
        await node.AssertNothingIsLeftAsync();

        File.Move(lowest + ".away", lowest);
        await node.PullAsync(image);
        await node.Registry.StopAsync();
        Assert.NotEqual(0, (await RunAsync(node, image)).ExitCode);
        await node.CtrAsync("images", "rm", "--sync", image);
        await node.AssertNothingIsLeftAsync();
    }

    [Fact]
    public async Task Killed_containers_and_daemons_leave_nothing()
    {
        await using TestNode node = await TestNode.StartAsync();
        string image = await node.ConvertedAsync(new OrdinaryImage(), ImageFormat.OverlayBd);
        await node.PullAsync(image);
        await node.StartContainerAsync(image, "killed");
        await node.StartContainerAsync(image, "orphan");
        string first = (await node.CtrAsync("tasks", "ls")).Split('\n').Single(line => line.StartsWith(node.Id("killed"), StringComparison.Ordinal));
        await KillAsync(first.Split(' ', StringSplitOptions.RemoveEmptyEntries)[1]);
        await KillAsync(Assert.Single(Processes.With($"-id {node.Id("orphan")} "))); // the shim
        Assert.Single(Loops.Below(node.Workspace.Root));
        await node.KillDaemonAsync();
        await node.StartDaemonAsync();
        foreach (string id in (string[])["killed", "orphan"])
        {
            await node.Containerd.TryCtrAsync("tasks", "rm", "--force", node.Id(id)); // containerd may have noticed already
            await node.CtrAsync("containers", "rm", node.Id(id));
        }

        await TestMachine.UntilAsync(() => Processes.With(node.Id("")).Count == 0, "the containers' processes are gone");
        await node.CtrAsync("images", "rm", "--sync", image);
        await node.AssertNothingIsLeftAsync();
        await node.UnmountAllAsync();
        Assert.Empty(MountTable.Below(node.State));
    }

    [Fact]
    public async Task A_full_disk_below_the_root_leaves_nothing_once_there_is_room_again()
    {
        await using TestNode node = await TestNode.StartAsync();
        string image = await node.ConvertedAsync(new OrdinaryImage(), ImageFormat.OverlayBd);
        await node.StopDaemonAsync();
        MountCalls.Tmpfs(node.Root, 4 << 20);
        await node.StartDaemonAsync();
        await node.PullAsync(image);
        Assert.StartsWith(OrdinaryImage.DataSha256(seed: 1), await node.RunAsync(image, "full", "/bin/sh", "-c", "cat /data/* | sha256sum"), StringComparison.Ordinal);
        Assert.Contains("serving without the cache", node.Daemon!.Log, StringComparison.Ordinal);
        Assert.Equal(0, (await Command.RunAsync("mount", ["-o", "remount,size=64m", node.Root])).ExitCode);
        await node.CtrAsync("images", "rm", "--sync", image);
        await node.AssertNothingIsLeftAsync();
    }

    [Fact]
    public async Task Many_containers_at_once_share_one_device()
    {
        await using TestNode node = await TestNode.StartAsync();
        string image = await node.ConvertedAsync(new OrdinaryImage(), ImageFormat.OverlayBd);
        await node.PullAsync(image);
        string expected = OrdinaryImage.DataSha256(seed: 1);
        string[] outputs = await Task.WhenAll(Enumerable.Range(0, 12).Select(i => node.RunAsync(image, $"many{i}", "/bin/sh", "-c", "cat /data/* | sha256sum; echo x > /data/0")));
        Assert.All(outputs, output => Assert.StartsWith(expected, output, StringComparison.Ordinal));
        Assert.Single(Loops.Below(node.Workspace.Root));
        await node.CtrAsync("images", "rm", "--sync", image);
        await node.AssertNothingIsLeftAsync();
    }

    private static async Task<TestNode> StartImpatientAsync()
    {
        TestNode node = await TestNode.StartAsync();
        string config = node.Workspace.File("config.yaml");
        await File.WriteAllTextAsync(config, "fetch:\n  deadline_seconds: 2\n");
        await node.StopDaemonAsync();
        await node.StartDaemonAsync("--config", config);
        return node;
    }

    private static async Task RefusedAsync(TestNode node, string image, string says)
    {
        (int exitCode, string output) = await RunAsync(node, image);
        Assert.NotEqual(0, exitCode);
        Assert.Contains(says, output, StringComparison.Ordinal);
        Assert.Empty(node.ImageMounts);
        Assert.Empty(Directory.GetFiles(node.Disks));
        await TestMachine.UntilAsync(() => Loops.Below(node.Workspace.Root).Count == 0, "no loop devices are left");
    }

    /// <summary>Runs a container to its end, however that is.</summary>
    private static async Task<(int ExitCode, string Output)> RunAsync(TestNode node, string image)
    {
        (int, string) result = await node.Containerd.TryCtrAsync("run", "--rm", "--snapshotter", "sluice", image, node.Id("refused"));
        await node.Containerd.TryCtrAsync("containers", "rm", node.Id("refused"));
        return result;
    }

    private static async Task KillAsync(string pid)
    {
        Assert.Equal(0, (await Command.RunAsync("/bin/kill", ["-KILL", pid])).ExitCode);
        await TestMachine.UntilAsync(() => !Directory.Exists($"/proc/{pid}"), $"process {pid} is dead");
    }

    private static async Task StoreAsync(BlockImage image, string reference)
    {
        ImageReference name = ImageReference.Parse(reference);
        await using IImageStore store = ImageStores.Open(name, new SourceOptions());
        await image.StoreAsync(store, name.Tag);
    }
}
