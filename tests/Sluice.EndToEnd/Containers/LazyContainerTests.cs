using Sluice.Containerd.Client;
using Sluice.EndToEnd.Harness;
using Sluice.Kernel.Mounts;

namespace Sluice.EndToEnd.Containers;

/// <summary>Containers from a converted image: what is fetched, shared, written and cleaned up.</summary>
public sealed class LazyContainerTests
{
    [Theory]
    [InlineData(ImageFormat.Rafs)]
    [InlineData(ImageFormat.OverlayBd)]
    public async Task A_container_starts_with_little_fetched_and_no_layer_stored(ImageFormat format)
    {
        await using TestNode node = await TestNode.StartAsync();
        string image = await node.ConvertedAsync(new OrdinaryImage(), format);
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

    [Theory]
    [InlineData(ImageFormat.Rafs)]
    [InlineData(ImageFormat.OverlayBd)]
    public async Task Containers_share_one_mount_and_write_to_their_own_layer(ImageFormat format)
    {
        await using TestNode node = await TestNode.StartAsync();
        string image = await node.ConvertedAsync(new OrdinaryImage(), format);
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

    [Theory]
    [InlineData(ImageFormat.Rafs)]
    [InlineData(ImageFormat.OverlayBd)]
    public async Task Removing_the_image_releases_mount_disks_and_metadata(ImageFormat format)
    {
        await using TestNode node = await TestNode.StartAsync();
        string image = await node.ConvertedAsync(new OrdinaryImage(), format);
        await node.PullAsync(image);
        await node.RunAsync(image, "first");
        Assert.Single(node.ImageMounts);
        Assert.NotEmpty(Directory.GetDirectories(Path.Combine(node.Root, "images")));
        Assert.NotEmpty(Directory.GetFiles(node.Disks));
        Assert.NotEmpty(node.CachedBlobs);

        await node.CtrAsync("images", "rm", "--sync", image);
        await node.AssertNothingIsLeftAsync();

        // And the same image again.
        await node.PullAsync(image);
        Assert.Contains("READY", await node.RunAsync(image, "again"), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(ImageFormat.Rafs)]
    [InlineData(ImageFormat.OverlayBd)]
    public async Task A_running_container_keeps_its_image(ImageFormat format)
    {
        await using TestNode node = await TestNode.StartAsync();
        string image = await node.ConvertedAsync(new OrdinaryImage(), format);
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

    [Theory]
    [InlineData(ImageFormat.Rafs)]
    [InlineData(ImageFormat.OverlayBd)]
    public async Task Two_images_share_what_they_have_in_common(ImageFormat format)
    {
        await using TestNode node = await TestNode.StartAsync();
        string first = await node.ConvertedAsync(new OrdinaryImage("FIRST"), format, "app:first");
        string second = await node.ConvertedAsync(new OrdinaryImage("SECOND"), format, "app:second");
        await node.PullAsync(first);
        Assert.Contains("FIRST", await node.RunAsync(first, "first", "/bin/sh", "-c", "cat /data/* /bin/busybox > /dev/null; cat /etc/state"), StringComparison.Ordinal);
        await node.PullAsync(second);
        node.Registry.Forget();
        Assert.Contains("SECOND", await node.RunAsync(second, "second", "/bin/sh", "-c", "cat /data/* /bin/busybox > /dev/null; cat /etc/state"), StringComparison.Ordinal);
        Assert.InRange(node.Registry.RangedBytes, format == ImageFormat.Rafs ? 1 : 0, 64 << 10); // a block layer as small as the second's came whole with its end
        Assert.Equal(2, node.ImageMounts.Count);

        // The layers that they share belong to the second now.
        int cached = node.CachedBlobs.Count;
        await node.CtrAsync("images", "rm", "--sync", first);
        Assert.Single(node.ImageMounts);
        Assert.InRange(node.CachedBlobs.Count, 1, cached - 1);
        Assert.Contains("SECOND", await node.RunAsync(second, "third"), StringComparison.Ordinal);
    }
}
