using Sluice.EndToEnd.Harness;
using Sluice.Kernel.Mounts;
using Sluice.Node.Admin;
using Sluice.Node.Status;

namespace Sluice.EndToEnd.Starts;

/// <summary>Of an image that is all here, new mounts are the kernel's own, on the cache's files: nobody has to serve them.</summary>
public sealed class LocalMountTests
{
    private const string ReadAll = "find / -xdev -type f -exec cat {} + > /dev/null; cat /data/* | sha256sum";
    private const string ReadData = "cat /data/* | sha256sum";

    [Theory]
    [InlineData("file")]
    [InlineData("loop")]
    public async Task Containers_that_start_on_a_complete_image_need_neither_registry_nor_daemon_nor_keeper(string mode)
    {
        await using TestNode node = await TestNode.StartAsync();
        await node.StopDaemonAsync();
        string config = node.Workspace.File("config.yaml");
        await File.WriteAllTextAsync(config, $"mount:\n  mode: {mode}\n", TestMachine.Cancellation);
        await node.StartDaemonAsync("--config", config);
        string image = await node.ConvertedAsync(new OrdinaryImage());
        await node.PullAsync(image);
        await node.StartContainerAsync(image, "lazy");
        MountEntry served = Assert.Single(node.ImageMounts);
        Assert.False((await LookAsync(node)).IsLocal);
        await node.ExecAsync("lazy", ReadData);
        await node.RunAsync(image, "part", "/bin/cat", "/data/0");
        Assert.Equal(0, (await new AdminClient(node.AdminSocket).StatusAsync(TestMachine.Cancellation)).Cache.HeldBytes); // a blob is here, and another is not
        await node.ExecAsync("lazy", ReadAll);
        await node.Registry.StopAsync();
        await node.StartContainerAsync(image, "local");
        MountEntry local = Assert.Single(node.ImageMounts, mount => mount != served);
        Assert.Equal(("erofs", mode == "loop"), (local.Type, local.Source.StartsWith("/dev/loop", StringComparison.Ordinal)));
        Assert.True(await LookAsync(node) is { IsLocal: true, IsComplete: true });
        Assert.Contains(local.MountPoint, await node.CtrAsync("snapshots", "--snapshotter", "sluice", "mounts", "/mnt", node.Id("local")), StringComparison.Ordinal);
        SluiceResult explained = (await SluiceProgram.RunAsync("explain", image, "--json", "--admin-address", node.AdminSocket, "--containerd-address", node.Containerd.Socket)).Succeeds();
        Assert.Contains("what starts from it reads local files", explained.Output, StringComparison.Ordinal);

        await node.CrashAsync();
        foreach (MountEntry fuse in node.Workspace.Mounts("sluice").Where(mount => mount.Type == "fuse")) MountCalls.Detach(fuse.MountPoint);
        Assert.Contains(OrdinaryImage.DataSha256(seed: 1), await node.ExecAsync("local", ReadData), StringComparison.Ordinal);

        await node.StartDaemonAsync("--config", config);
        Assert.Equal(local, Assert.Single(node.ImageMounts)); // what was served could not be saved, and is gone
        Assert.True((await LookAsync(node)).IsLocal);
        Assert.Contains("READY", await node.RunAsync(image, "more", "/bin/cat", "/etc/state"), StringComparison.Ordinal);
        Assert.Equal(local, Assert.Single(node.ImageMounts));
        Assert.Contains(OrdinaryImage.DataSha256(seed: 1), await node.ExecAsync("local", ReadData), StringComparison.Ordinal);

        await node.Registry.StartAsync();
        await node.RemoveContainerAsync("local");
        await node.RemoveContainerAsync("lazy");
        await node.CtrAsync("images", "rm", "--sync", image);
        await node.AssertNothingIsLeftAsync();
    }

    [Fact]
    public async Task A_local_mount_is_the_next_daemons_whichever_way_the_last_one_ended()
    {
        await using TestNode node = await TestNode.StartAsync();
        string image = await CompleteAsync(node);
        await node.StartContainerAsync(image, "one");
        MountEntry local = Local(node);
        await node.KillDaemonAsync();
        await node.StartDaemonAsync();
        await node.StopDaemonAsync();
        await node.StartDaemonAsync();
        (await SluiceProgram.RunAsync("upgrade", "--admin-address", node.AdminSocket)).Succeeds();
        Assert.Equal(local, Local(node));
        Assert.Contains("READY", await node.RunAsync(image, "two", "/bin/cat", "/etc/state"), StringComparison.Ordinal);
        Assert.Contains(OrdinaryImage.DataSha256(seed: 1), await node.ExecAsync("one", ReadData), StringComparison.Ordinal);

        await node.UnmountAllAsync();
        Assert.Empty(node.Workspace.Mounts("sluice"));
        Assert.Contains(OrdinaryImage.DataSha256(seed: 1), await node.ExecAsync("one", ReadData), StringComparison.Ordinal); // as any file system that was detached
        await node.StartDaemonAsync();
        await node.StopDaemonAsync();
        await node.UnmountAllAsync(); // with no daemon there
        Assert.Empty(node.Workspace.Mounts("sluice"));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task After_a_reboot_an_image_is_served_until_all_of_it_has_been_checked(bool inOrder)
    {
        await using TestNode node = await TestNode.StartAsync();
        string image = await CompleteAsync(node);
        if (inOrder)
        {
            await node.UnmountAllAsync();
        }
        else
        {
            await Task.Delay(TimeSpan.FromSeconds(6), TestMachine.Cancellation); // chunk maps are written every five seconds
            await node.CrashAsync();
        }

        foreach (MountEntry mount in node.Workspace.Mounts("sluice")) MountCalls.Detach(mount.MountPoint);
        Directory.Delete(node.State, recursive: true);
        await node.Registry.StopAsync();
        string config = node.Workspace.File("config.yaml");
        await File.WriteAllTextAsync(config, "background:\n  delay_seconds: 0\n", TestMachine.Cancellation);
        await node.StartDaemonAsync("--config", config);
        for (int start = 0; !(await LookAsync(node)).IsLocal; start++)
            Assert.Contains(OrdinaryImage.DataSha256(seed: 1), await node.RunAsync(image, $"start{start}", "/bin/sh", "-c", ReadData), StringComparison.Ordinal);
        Assert.Equal(2, node.ImageMounts.Count);
    }

    [Fact]
    public async Task Eviction_takes_nothing_of_what_is_mounted_locally()
    {
        await using TestNode node = await TestNode.StartAsync();
        await node.StopDaemonAsync();
        string config = node.Workspace.File("config.yaml");
        await File.WriteAllTextAsync(config, "cache:\n  quota: 26MB\nbackground:\n  download: false\n", TestMachine.Cancellation);
        await node.StartDaemonAsync("--config", config);
        string image = await CompleteAsync(node);
        await node.StartContainerAsync(image, "local");
        Assert.True((await LookAsync(node)).IsLocal);
        for (int seed = 2; seed < 6; seed++)
        {
            string other = await node.ConvertedAsync(new OrdinaryImage("OTHER", seed), ImageFormat.Rafs, $"other{seed}:v1");
            await node.PullAsync(other);
            Assert.Contains(OrdinaryImage.DataSha256(seed), await node.RunAsync(other, $"other{seed}", "/bin/sh", "-c", ReadAll), StringComparison.Ordinal);
        }

        (await SluiceProgram.RunAsync("cache", "prune", "--admin-address", node.AdminSocket)).Succeeds();
        NodeStatus status = await new AdminClient(node.AdminSocket).StatusAsync(TestMachine.Cancellation);
        Assert.True(status.Cache.EvictedBytes > OrdinaryImage.DataFiles * OrdinaryImage.DataFileSize, $"{status.Cache}");
        Assert.Contains(OrdinaryImage.DataSha256(seed: 1), await node.ExecAsync("local", ReadData), StringComparison.Ordinal);
        await node.KillDaemonAsync();
        await node.StartDaemonAsync("--config", config);
        (await SluiceProgram.RunAsync("cache", "prune", "--admin-address", node.AdminSocket)).Succeeds();
        await node.Registry.StopAsync();
        Assert.Contains(OrdinaryImage.DataSha256(seed: 1), await node.RunAsync(image, "offline", "/bin/sh", "-c", ReadData), StringComparison.Ordinal);
    }

    /// <summary>An image of which everything was read, and which containers have been started on since.</summary>
    private static async Task<string> CompleteAsync(TestNode node)
    {
        string image = await node.ConvertedAsync(new OrdinaryImage());
        await node.PullAsync(image);
        await node.RunAsync(image, "reads", "/bin/sh", "-c", ReadAll);
        await node.RunAsync(image, "starts", "/bin/cat", "/etc/state");
        return image;
    }

    private static MountEntry Local(TestNode node) => node.ImageMounts.Single(mount => mount.MountPoint.EndsWith("-local", StringComparison.Ordinal));

    /// <summary>The first image.</summary>
    private static async Task<ImageStatus> LookAsync(TestNode node) => (await new AdminClient(node.AdminSocket).ImagesAsync(TestMachine.Cancellation)).Images[0];
}
