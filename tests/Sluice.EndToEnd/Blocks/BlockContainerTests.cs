using Sluice.Containerd.Client;
using Sluice.EndToEnd.Harness;
using Sluice.Formats.Oci;
using Sluice.Kernel.Mounts;
using Sluice.Storage.Sources;
using Sluice.Testing.Images;

namespace Sluice.EndToEnd.Blocks;

/// <summary>Containers from OverlayBD images, alone and beside others.</summary>
public sealed class BlockContainerTests
{
    [Fact]
    public async Task Containers_share_one_mount_and_removal_gives_everything_back()
    {
        await using TestNode node = await TestNode.StartAsync();
        string image = await PushedAsync(node, "app:obd");
        await node.PullAsync(image);
        await node.StartContainerAsync(image, "one");
        await node.StartContainerAsync(image, "two");
        Assert.Single(BlockMounts(node));
        Assert.Single(Loops.Below(node.Workspace.Root));
        Assert.Equal("READY\nCHANGED\n", await node.ExecAsync("one", "cat /etc/state; echo CHANGED > /etc/state; cat /etc/state"));
        Assert.Equal("READY\n", await node.ExecAsync("two", "cat /etc/state"));
        await node.RemoveContainerAsync("one");
        await node.RemoveContainerAsync("two");

        await node.CtrAsync("images", "rm", "--sync", image);
        Assert.Empty(BlockMounts(node));
        Assert.Empty(Directory.GetFiles(node.Disks));
        Assert.Empty(Directory.GetDirectories(Path.Combine(node.Root, "images")));
        Assert.Empty(Directory.GetDirectories(Path.Combine(node.Root, "cache", "sha256")));
        await TestMachine.UntilAsync(() => Loops.Below(node.Workspace.Root).Count == 0, "no loop devices are left");

        // And the same image again.
        await node.PullAsync(image);
        Assert.Contains("READY", await node.RunAsync(image, "again", "/bin/cat", "/etc/state"), StringComparison.Ordinal);
        using ContainerdClient client = node.Connect();
        Assert.Equal(2, (await client.Content.ListAsync([], TestMachine.Cancellation)).Count); // manifest and configuration
    }

    [Fact]
    public async Task The_image_that_overlaybd_wrote_is_pulled_and_read()
    {
        await using TestNode node = await TestNode.StartAsync();
        string image = node.Image("golden:obd");
        await StoreAsync(BlockImage.Golden(), image);
        await node.PullAsync(image);
        await GoldenTree.AssertIsAsync(await node.ViewAsync("view"));
    }

    [Fact]
    public async Task Ordinary_rafs_and_block_images_run_side_by_side()
    {
        await using TestNode node = await TestNode.StartAsync();
        string rafs = await node.ConvertedAsync(new OrdinaryImage("RAFS"));
        string block = await PushedAsync(node, "app:obd", "BLOCK");
        string ordinary = node.Image("app:v1");
        await node.CtrAsync("images", "pull", "--plain-http", "--snapshotter", "sluice", ordinary);
        await node.PullAsync(rafs);
        await node.PullAsync(block);
        Assert.Contains("RAFS", await node.RunAsync(rafs, "rafs", "/bin/cat", "/etc/state"), StringComparison.Ordinal);
        Assert.Contains("BLOCK", await node.RunAsync(block, "block", "/bin/cat", "/etc/state"), StringComparison.Ordinal);
        Assert.Contains("RAFS", await node.RunAsync(ordinary, "ordinary", "/bin/cat", "/etc/state"), StringComparison.Ordinal);
        Assert.Equal(["erofs", "ext4"], MountTable.Below(Path.Combine(node.State, "images")).Select(mount => mount.Type).Order());
    }

    [Fact]
    public async Task A_daemon_comes_back_with_its_images_killed_or_without_the_registry()
    {
        await using TestNode node = await TestNode.StartAsync();
        string image = await PushedAsync(node, "app:obd");
        await node.PullAsync(image);
        Assert.Contains("READY", await node.RunAsync(image, "before", "/bin/sh", "-c", "cat /bin/busybox /data/large > /dev/null; cat /etc/state"), StringComparison.Ordinal);
        await node.KillDaemonAsync();
        await node.StartDaemonAsync();
        Assert.Single(BlockMounts(node));
        Assert.Contains("READY", await node.RunAsync(image, "between", "/bin/sh", "-c", "cat /bin/busybox /data/large > /dev/null; /bin/cat /etc/state"), StringComparison.Ordinal);
        await node.StopDaemonAsync();
        await node.Registry.StopAsync();
        await node.StartDaemonAsync();
        Assert.Single(BlockMounts(node));
        Assert.Contains("READY", await node.RunAsync(image, "after", "/bin/cat", "/etc/state"), StringComparison.Ordinal);
        await TestMachine.UntilAsync(() => Loops.Below(node.Workspace.Root).Count == 1, "one loop device is left");
        await node.UnmountAllAsync();
        await TestMachine.UntilAsync(() => Loops.Below(node.Workspace.Root).Count == 0, "no loop devices are left");
        Assert.Empty(MountTable.Below(node.State));
    }

    private static MountEntry[] BlockMounts(TestNode node) => [.. MountTable.Below(Path.Combine(node.State, "images")).Where(mount => mount.Type == "ext4")];

    private static async Task<string> PushedAsync(TestNode node, string name, string state = "READY")
    {
        await StoreAsync(await RunnableBlockImage.CreateAsync(node.Workspace, state), node.Image(name));
        return node.Image(name);
    }

    private static async Task StoreAsync(BlockImage image, string reference)
    {
        ImageReference name = ImageReference.Parse(reference);
        await using IImageStore store = ImageStores.Open(name, new SourceOptions());
        await image.StoreAsync(store, name.Tag);
    }
}
