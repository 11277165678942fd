using Sluice.Containerd.Client;
using Sluice.Containerd.Snapshots;
using Sluice.EndToEnd.Harness;

namespace Sluice.EndToEnd.Containers;

/// <summary>Sluice beside containerd's own snapshotter, and ordinary images through Sluice.</summary>
public sealed class CoexistenceTests
{
    private const int Rounds = 16;

    [Fact]
    public async Task An_image_goes_back_and_forth_between_the_snapshotters()
    {
        await using TestNode node = await TestNode.StartAsync();
        string[] lazy = [await node.ConvertedAsync(new OrdinaryImage()), await node.ConvertedAsync(new OrdinaryImage(), ImageFormat.OverlayBd)];
        string ordinary = node.Image("app:v1");
        using ContainerdClient client = node.Connect();
        int mounts = node.Workspace.Mounts().Count;
        for (int round = 0; round < Rounds; round++)
        {
            await node.CtrAsync("images", "pull", "--plain-http", "--snapshotter", "overlayfs", ordinary);
            Assert.Contains("READY", await node.RunWithAsync("overlayfs", ordinary, $"overlay{round}"), StringComparison.Ordinal);
            string image = lazy[round / 4 % 2];
            await node.PullAsync(image);
            Assert.Contains("READY", await node.RunAsync(image, $"lazy{round}"), StringComparison.Ordinal);

            // The order of the removals changes, and so does what the next pull finds.
            string[] images = round % 2 == 0 ? [ordinary, image] : [image, ordinary];
            await node.CtrAsync(["images", "rm", "--sync", .. images[..(1 + round / 2 % 2)]]);
        }

        await node.CtrAsync(["images", "rm", "--sync", ordinary, .. lazy]);
        Assert.Empty(await client.Content.ListAsync([], TestMachine.Cancellation));
        Assert.Empty(await client.Snapshots("sluice").ListAsync([], TestMachine.Cancellation));
        Assert.Empty(await client.Snapshots("overlayfs").ListAsync([], TestMachine.Cancellation));
        Assert.Equal(mounts, node.Workspace.Mounts().Count);
        await node.AssertNothingIsLeftAsync();
    }

    [Fact]
    public async Task Overlayfs_refuses_a_lazy_image_and_nothing_breaks()
    {
        await using TestNode node = await TestNode.StartAsync();
        string lazy = await node.ConvertedAsync(new OrdinaryImage());
        string[] pull = ["images", "pull", "--plain-http", "--snapshotter"];

        // ctr 1.6 passes no labels, so it can't pull lazily from any snapshotter.
        foreach (string snapshotter in (string[])["overlayfs", "sluice"])
        {
            (int exitCode, string output) = await node.Containerd.TryCtrAsync([.. pull, snapshotter, lazy]);
            Assert.NotEqual(0, exitCode);
            Assert.Contains("no processor for media-type", output, StringComparison.Ordinal);
        }

        await node.CollectGarbageAsync();
        await node.PullAsync(lazy);
        (int refused, string why) = await node.Containerd.TryCtrAsync([.. pull, "overlayfs", lazy]);
        Assert.NotEqual(0, refused);
        Assert.Contains("no processor for media-type", why, StringComparison.Ordinal);
        await node.CtrAsync([.. pull, "sluice", lazy]); // it has what sluice pull has registered
        Assert.Contains("READY", await node.RunAsync(lazy, "still"), StringComparison.Ordinal);
        using ContainerdClient client = node.Connect();
        await node.CtrAsync("images", "rm", "--sync", lazy);
        await node.CollectGarbageAsync();
        Assert.Empty(await client.Snapshots("sluice").ListAsync([], TestMachine.Cancellation));
        Assert.Empty(await client.Snapshots("overlayfs").ListAsync([], TestMachine.Cancellation));
        Assert.Empty(node.ImageMounts);
    }

    [Fact]
    public async Task An_ordinary_image_behaves_as_with_overlayfs()
    {
        await using TestNode node = await TestNode.StartAsync();
        string image = node.Image("app:v1");
        await new OrdinaryImage().PushAsync(image);
        string[] outputs = new string[2];
        using ContainerdClient client = node.Connect();
        string[] snapshotters = ["overlayfs", "sluice"];
        for (int i = 0; i < 2; i++)
        {
            await node.CtrAsync("images", "pull", "--plain-http", "--snapshotter", snapshotters[i], image);
            outputs[i] = await node.RunWithAsync(
                snapshotters[i], image, snapshotters[i], "/bin/sh", "-c",
                "cat /data/* /bin/busybox | sha256sum; echo x > /data/0; stat -c '%n %f %u %g %s %Y %h' /bin/* /etc/state /data/1; cat /data/0");
        }

        Assert.Contains("/etc/state", outputs[0], StringComparison.Ordinal);
        Assert.Equal(outputs[0], outputs[1]);
        IReadOnlyList<SnapshotInfo>[] lists =
        [
            await client.Snapshots("overlayfs").ListAsync([], TestMachine.Cancellation), await client.Snapshots("sluice").ListAsync([], TestMachine.Cancellation),
        ];
        Assert.Equal(lists[0].Select(s => (s.Name, s.Parent, s.Kind)), lists[1].Select(s => (s.Name, s.Parent, s.Kind)));
        Assert.Empty(node.ImageMounts);

        SluiceResult refused = await node.TryPullAsync(image);
        refused.Fails(3, "is an ordinary image", "convert it first");
        await node.CtrAsync("images", "rm", "--sync", image);
        Assert.Empty(Directory.GetDirectories(Path.Combine(node.Root, "snapshots")));
    }
}
