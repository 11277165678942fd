using Sluice.Containerd.Client;
using Sluice.EndToEnd.Harness;
using Sluice.Kernel.Mounts;

namespace Sluice.EndToEnd.Containers;

/// <summary>Containers from a converted image: what is fetched, shared, written and cleaned up.</summary>
public sealed class LazyContainerTests
{
    [Fact]
    public async Task A_container_starts_with_little_fetched_and_no_layer_stored()
    {
        await using TestNode node = await TestNode.StartAsync();
        string image = await node.ConvertedAsync(new OrdinaryImage());
        node.Registry.Forget();

        await node.PullAsync(image);
        Assert.Contains("READY", await node.RunAsync(image, "first"), StringComparison.Ordinal);

        // containerd has manifest and configuration, nothing else; the data layer is 8 MiB, of which nothing was needed.
        using ContainerdClient client = node.Connect();
        Assert.Equal(2, (await client.Content.ListAsync([], TestMachine.Cancellation)).Count);
        Assert.InRange(node.Registry.RangedBytes, 1, OrdinaryImage.DataFiles * OrdinaryImage.DataFileSize / 2);

        long before = node.Registry.RangedBytes;
        Assert.Contains("READY", await node.RunAsync(image, "second"), StringComparison.Ordinal);
        Assert.Equal(before, node.Registry.RangedBytes);
    }

    [Fact]
    public async Task Containers_share_one_mount_and_write_to_their_own_layer()
    {
        await using TestNode node = await TestNode.StartAsync();
        string image = await node.ConvertedAsync(new OrdinaryImage());
        await node.PullAsync(image);
        await node.StartContainerAsync(image, "one");
        await node.StartContainerAsync(image, "two");
        Assert.Single(node.ImageMounts);

        Assert.Contains("CHANGED", await node.ExecAsync("one", "echo CHANGED > /etc/state; echo new > /data/new; cat /etc/state"), StringComparison.Ordinal);
        Assert.Equal("READY\n0\n", await node.ExecAsync("two", "cat /etc/state; ls /data | head -1"));
        Assert.DoesNotContain("new", await node.ExecAsync("two", "ls /data"), StringComparison.Ordinal);
        await node.RemoveContainerAsync("one");
        await node.RemoveContainerAsync("two");
        Assert.Contains("READY", await node.RunAsync(image, "three"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Removing_the_image_releases_mount_disks_and_metadata()
    {
        await using TestNode node = await TestNode.StartAsync();
        string image = await node.ConvertedAsync(new OrdinaryImage());
        await node.PullAsync(image);
        await node.RunAsync(image, "first");
        Assert.Single(node.ImageMounts);
        Assert.NotEmpty(Directory.GetDirectories(Path.Combine(node.Root, "images")));
        Assert.NotEmpty(Directory.GetFiles(node.Disks));
        Assert.NotEmpty(CachedBlobs(node));

        await node.CtrAsync("images", "rm", "--sync", image);
        Assert.Empty(node.ImageMounts);
        Assert.Empty(Directory.GetFileSystemEntries(Path.Combine(node.State, "images")));
        Assert.Empty(Directory.GetDirectories(Path.Combine(node.Root, "images")));
        Assert.Empty(Directory.GetFiles(node.Disks));
        Assert.Empty(CachedBlobs(node));
        Assert.Empty(Directory.GetDirectories(Path.Combine(node.Root, "snapshots")));

        // And the same image again.
        await node.PullAsync(image);
        Assert.Contains("READY", await node.RunAsync(image, "again"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_running_container_keeps_its_image()
    {
        await using TestNode node = await TestNode.StartAsync();
        string image = await node.ConvertedAsync(new OrdinaryImage());
        await node.PullAsync(image);
        await node.StartContainerAsync(image, "one");
        await node.CtrAsync("images", "rm", "--sync", image);
        Assert.Single(node.ImageMounts);
        string digest = await node.ExecAsync("one", "cat /data/* | sha256sum");
        Assert.StartsWith(OrdinaryImage.DataSha256(seed: 1), digest, StringComparison.Ordinal);

        await node.RemoveContainerAsync("one");
        await node.CollectGarbageAsync();
        Assert.Empty(node.ImageMounts);
    }

    [Fact]
    public async Task Two_images_share_what_they_have_in_common()
    {
        await using TestNode node = await TestNode.StartAsync();
        string first = await node.ConvertedAsync(new OrdinaryImage("FIRST"), "app:first");
        string second = await node.ConvertedAsync(new OrdinaryImage("SECOND"), "app:second");
        await node.PullAsync(first);
        Assert.Contains("FIRST", await node.RunAsync(first, "first", "/bin/sh", "-c", "cat /data/* /bin/busybox > /dev/null; cat /etc/state"), StringComparison.Ordinal);
        await node.PullAsync(second);
        node.Registry.Forget();
        Assert.Contains("SECOND", await node.RunAsync(second, "second", "/bin/sh", "-c", "cat /data/* /bin/busybox > /dev/null; cat /etc/state"), StringComparison.Ordinal);
        Assert.InRange(node.Registry.RangedBytes, 1, 64 << 10);
        Assert.Equal(2, node.ImageMounts.Count);

        // The layers that they share belong to the second now.
        int cached = CachedBlobs(node).Length;
        await node.CtrAsync("images", "rm", "--sync", first);
        Assert.Single(node.ImageMounts);
        Assert.InRange(CachedBlobs(node).Length, 1, cached - 1);
        Assert.Contains("SECOND", await node.RunAsync(second, "third"), StringComparison.Ordinal);
    }

    private static string[] CachedBlobs(TestNode node) => Directory.GetDirectories(Path.Combine(node.Root, "cache", "sha256"));
}
