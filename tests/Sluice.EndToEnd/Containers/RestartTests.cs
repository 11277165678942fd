using Sluice.EndToEnd.Harness;

namespace Sluice.EndToEnd.Containers;

/// <summary>The daemon ends, in order or not, and comes back.</summary>
public sealed class RestartTests
{
    private const string ReadAll = "find / -xdev -type f -exec cat {} + > /dev/null; cat /data/* | sha256sum; cat /etc/state";

    [Theory]
    [InlineData(ImageFormat.Rafs)]
    [InlineData(ImageFormat.OverlayBd)]
    public async Task A_fully_read_image_needs_no_registry_after_a_restart(ImageFormat format)
    {
        await using TestNode node = await TestNode.StartAsync();
        string image = await node.ConvertedAsync(new OrdinaryImage(), format);
        await node.PullAsync(image);
        string output = await node.RunAsync(image, "first", "/bin/sh", "-c", ReadAll);
        Assert.Contains(OrdinaryImage.DataSha256(seed: 1), output, StringComparison.Ordinal);

        await node.UnmountAllAsync();
        Assert.Empty(node.Workspace.Mounts("sluice"));
        await node.Registry.StopAsync();
        await node.StartDaemonAsync();
        await TestMachine.UntilAsync(() => node.ImageMounts.Count == 1, "the image is mounted again");
        Assert.Equal(output, await node.RunAsync(image, "second", "/bin/sh", "-c", ReadAll));
    }

    [Theory]
    [InlineData(ImageFormat.Rafs)]
    [InlineData(ImageFormat.OverlayBd)]
    public async Task After_a_kill_the_next_daemon_starts_clean(ImageFormat format)
    {
        await using TestNode node = await TestNode.StartAsync();
        string image = await node.ConvertedAsync(new OrdinaryImage(), format);
        await node.PullAsync(image);
        await node.RunAsync(image, "first");
        for (int round = 0; round < 3; round++)
        {
            await node.KillDaemonAsync();
            await node.StartDaemonAsync();
            Assert.Single(node.ImageMounts);
            Assert.Single(node.Workspace.Mounts("sluice"), mount => mount.Type.StartsWith("fuse", StringComparison.Ordinal));
            Assert.Contains(OrdinaryImage.DataSha256(seed: 1), await node.RunAsync(image, $"round{round}", "/bin/sh", "-c", ReadAll), StringComparison.Ordinal);
        }

        await node.CtrAsync("images", "rm", "--sync", image);
        await node.AssertNothingIsLeftAsync();
    }

    [Theory]
    [InlineData(ImageFormat.Rafs)]
    [InlineData(ImageFormat.OverlayBd)]
    public async Task A_container_that_outlived_its_daemon_can_be_removed_and_started_again(ImageFormat format)
    {
        await using TestNode node = await TestNode.StartAsync();
        string image = await node.ConvertedAsync(new OrdinaryImage(), format);
        await node.PullAsync(image);
        await node.StartContainerAsync(image, "old");
        await node.KillDaemonAsync();
        await node.StartDaemonAsync();
        await node.StartContainerAsync(image, "new");
        Assert.Contains("READY", await node.ExecAsync("new", "cat /etc/state"), StringComparison.Ordinal);
        await node.RemoveContainerAsync("old");
        await node.RemoveContainerAsync("new");
        await node.CtrAsync("images", "rm", "--sync", image);
        await node.AssertNothingIsLeftAsync();
    }

    [Fact]
    public async Task A_second_daemon_on_the_same_root_is_refused()
    {
        await using TestNode node = await TestNode.StartAsync();
        string image = await node.ConvertedAsync(new OrdinaryImage());
        await node.PullAsync(image);
        await node.RunAsync(image, "first");
        SluiceResult refused = await SluiceProgram.RunAsync("daemon", "--root", node.Root, "--state", node.State);
        refused.Fails(8, $"is used by process {node.Daemon!.ProcessId}");

        // It has taken nothing away from the first.
        Assert.Single(node.ImageMounts);
        Assert.Contains("READY", await node.RunAsync(image, "second", "/bin/sh", "-c", ReadAll), StringComparison.Ordinal);
    }
}
