using Sluice.Containerd.Client;
using Sluice.Containerd.Snapshots;
using Sluice.Containerd.Snapshots.Lazy;
using Sluice.Formats;
using Sluice.Formats.Oci;
using Sluice.Testing;

namespace Sluice.Containerd.Tests.Runtime;

/// <summary>The snapshotter, the client and the pull against the real containerd, ctr, runc and overlayfs.</summary>
public sealed class ContainerdTests
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Ctr_works_on_snapshots()
    {
        await using PrivateContainerd containerd = await PrivateContainerd.StartAsync(new NoLazyImages());
        string[] snapshots = ["snapshots", "--snapshotter", "sluice"];
        Assert.Contains("rw", await containerd.CtrAsync([.. snapshots, "prepare", "--mounts", "work"]), StringComparison.Ordinal);
        await containerd.CtrAsync([.. snapshots, "commit", "base", "work"]);
        await containerd.CtrAsync([.. snapshots, "label", "base", "color=green"]);
        await containerd.CtrAsync([.. snapshots, "prepare", "top", "base"]);
        string mounts = await containerd.CtrAsync([.. snapshots, "mounts", "/mnt", "top"]);
        Assert.Contains("lowerdir=" + containerd.Root, mounts, StringComparison.Ordinal);
        string list = await containerd.CtrAsync([.. snapshots, "ls"]);
        Assert.Matches("top +base +Active", list);
        Assert.Contains("green", await containerd.CtrAsync([.. snapshots, "info", "base"]), StringComparison.Ordinal);
        Assert.Contains("base", await containerd.CtrAsync([.. snapshots, "usage"]), StringComparison.Ordinal);

        (int exitCode, string output) = await containerd.TryCtrAsync([.. snapshots, "rm", "base"]);
        Assert.NotEqual(0, exitCode);
        Assert.Contains("child", output, StringComparison.Ordinal);
        await containerd.CtrAsync([.. snapshots, "rm", "top"]);
        await containerd.CtrAsync([.. snapshots, "rm", "base"]);
        Assert.DoesNotContain("base", await containerd.CtrAsync([.. snapshots, "ls"]), StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_ordinary_image_is_imported_and_runs()
    {
        BusyboxImage image = new();
        using TemporaryDirectory directory = new();
        image.WriteArchive(directory.File("image.tar"));
        await using PrivateContainerd containerd = await PrivateContainerd.StartAsync(new NoLazyImages());
        await containerd.CtrAsync("images", "import", "--snapshotter", "sluice", directory.File("image.tar"));
        Assert.Contains("READY", await containerd.CtrAsync("run", "--rm", "--snapshotter", "sluice", BusyboxImage.Name, "ordinary"), StringComparison.Ordinal);

        // Written files land in the container's own layer and vanish with it.
        string output = await containerd.CtrAsync(
            "run", "--rm", "--snapshotter", "sluice", BusyboxImage.Name, "writer", "/bin/sh", "-c", "echo CHANGED > /etc/state; cat /etc/state");
        Assert.Contains("CHANGED", output, StringComparison.Ordinal);
        Assert.Contains("READY", await containerd.CtrAsync("run", "--rm", "--snapshotter", "sluice", BusyboxImage.Name, "again"), StringComparison.Ordinal);

        // What a container is started with is in its record.
        await containerd.CtrAsync("containers", "create", "--snapshotter", "sluice", BusyboxImage.Name, "created", "/bin/cat", "/etc/state");
        using (ContainerdClient client = containerd.Connect())
        {
            Assert.Equal(["/bin/cat", "/etc/state"], await client.Containers.FindCommandAsync("created", Cancellation));
            Assert.Null(await client.Containers.FindCommandAsync("another", Cancellation));
        }

        await containerd.CtrAsync("containers", "rm", "created");
        await containerd.CtrAsync("images", "rm", "--sync", BusyboxImage.Name);
        Assert.Empty(containerd.Server.Snapshotter.List([]));
        Assert.Empty(Directory.GetDirectories(Path.Combine(containerd.Root, "snapshots")));
    }

    [Fact]
    public async Task A_lazy_image_runs_while_no_layer_was_ever_stored()
    {
        using TemporaryDirectory tree = new();
        BusyboxImage image = new();
        image.Unpack(tree.Path);
        FakeLazyImages images = new(tree.Path);
        await using PrivateContainerd containerd = await PrivateContainerd.StartAsync(images);
        using ContainerdClient client = containerd.Connect();

        Digest top = await new ImagePull(client, TimeProvider.System).RegisterAsync(image.ToRegister(), Cancellation);
        Assert.Contains("READY", await containerd.CtrAsync("run", "--rm", "--snapshotter", "sluice", BusyboxImage.Name, "lazy"), StringComparison.Ordinal);
        string output = await containerd.CtrAsync(
            "run", "--rm", "--snapshotter", "sluice", BusyboxImage.Name, "writer", "/bin/sh", "-c", "echo CHANGED > /etc/state; cat /etc/state");
        Assert.Contains("CHANGED", output, StringComparison.Ordinal);
        Assert.Equal("READY\n", await File.ReadAllTextAsync(tree.File("etc/state")));

        // Manifest and configuration, nothing else.
        IReadOnlyList<ContentInfo> content = await client.Content.ListAsync([], Cancellation);
        Assert.Equal(new[] { image.Config.Digest, image.Manifest.Digest }.Order(), content.Select(blob => blob.Digest).Order());
        SnapshotInfo snapshot = (await client.Snapshots("sluice").FindAsync(top.ToString(), Cancellation))!;
        Assert.Equal(SnapshotKind.Committed, snapshot.Kind);
        Assert.Empty(await client.Leases.ListAsync(Cancellation));

        await client.Images.DeleteAsync(BusyboxImage.Name, wait: true, Cancellation);
        Assert.Empty(await client.Content.ListAsync([], Cancellation));
        Assert.Empty(containerd.Server.Snapshotter.List([]));
        Assert.Empty(containerd.Server.Snapshotter.LazyImages());
        Assert.Contains("release " + image.Manifest.Digest, images.Calls);
    }

    [Fact]
    public async Task A_second_pull_and_a_second_namespace_reuse_what_is_there()
    {
        using TemporaryDirectory tree = new();
        BusyboxImage image = new();
        image.Unpack(tree.Path);
        FakeLazyImages images = new(tree.Path);
        await using PrivateContainerd containerd = await PrivateContainerd.StartAsync(images);
        using ContainerdClient client = containerd.Connect();
        using ContainerdClient other = containerd.Connect("other");
        await new ImagePull(client, TimeProvider.System).RegisterAsync(image.ToRegister(), Cancellation);
        await new ImagePull(client, TimeProvider.System).RegisterAsync(image.ToRegister(), Cancellation);
        await new ImagePull(other, TimeProvider.System).RegisterAsync(image.ToRegister() with { Index = image.Index }, Cancellation);
        Assert.Equal(2, containerd.Server.Snapshotter.List([]).Count);

        await client.Images.DeleteAsync(BusyboxImage.Name, wait: true, Cancellation);
        Assert.Equal(2, containerd.Server.Snapshotter.List([]).Count);
        Assert.Contains("READY", await containerd.CtrAsync("-n", "other", "run", "--rm", "--snapshotter", "sluice", BusyboxImage.Name, "other"), StringComparison.Ordinal);
        await other.Images.DeleteAsync(BusyboxImage.Name, wait: true, Cancellation);
        Assert.Empty(containerd.Server.Snapshotter.List([]));
    }

    [Fact]
    public async Task The_snapshotter_may_restart_under_containerd()
    {
        using TemporaryDirectory tree = new();
        BusyboxImage image = new();
        image.Unpack(tree.Path);
        await using PrivateContainerd containerd = await PrivateContainerd.StartAsync(new FakeLazyImages(tree.Path));
        using ContainerdClient client = containerd.Connect();
        await new ImagePull(client, TimeProvider.System).RegisterAsync(image.ToRegister(), Cancellation);

        await containerd.RestartSnapshotterAsync();
        LazyImage restored = Assert.Single(containerd.Server.Snapshotter.LazyImages());
        Assert.Equal(new LazyImage(new LazyImageKey(image.Manifest.Digest), BusyboxImage.Name), restored);
        Assert.Contains("READY", await containerd.CtrAsync("run", "--rm", "--snapshotter", "sluice", BusyboxImage.Name, "restarted"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_pull_waits_until_containerd_has_found_a_snapshotter_that_was_away()
    {
        using TemporaryDirectory tree = new();
        BusyboxImage image = new();
        image.Unpack(tree.Path);
        await using PrivateContainerd containerd = await PrivateContainerd.StartAsync(new FakeLazyImages(tree.Path));
        using ContainerdClient client = containerd.Connect();
        await containerd.ReturnSnapshotterLateAsync();
        await new ImagePull(client, TimeProvider.System).RegisterAsync(image.ToRegister(), Cancellation);
        Assert.Contains("READY", await containerd.CtrAsync("run", "--rm", "--snapshotter", "sluice", BusyboxImage.Name, "late"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Users_read_whose_fault_it_is()
    {
        using TemporaryDirectory tree = new();
        BusyboxImage image = new();
        FakeLazyImages images = new(tree.Path)
        {
            MountError = new SluiceException(SluiceError.Unauthorized, "registry 10.0.0.1:5000", "refused the token for repo busybox", "log in again"),
        };
        await using PrivateContainerd containerd = await PrivateContainerd.StartAsync(images);
        using ContainerdClient client = containerd.Connect();
        await new ImagePull(client, TimeProvider.System).RegisterAsync(image.ToRegister(), Cancellation);
        (int exitCode, string output) = await containerd.TryCtrAsync("run", "--rm", "--snapshotter", "sluice", BusyboxImage.Name, "refused");
        Assert.NotEqual(0, exitCode);
        Assert.Contains("registry 10.0.0.1:5000: refused the token for repo busybox (log in again)", output, StringComparison.Ordinal);

        // Nothing is left of the attempt, so the next one may succeed.
        Assert.DoesNotContain(containerd.Server.Snapshotter.List([]), snapshot => snapshot.Kind == SnapshotKind.Active);
        images.MountError = null;
        image.Unpack(tree.Path);
        Assert.Contains("READY", await containerd.CtrAsync("run", "--rm", "--snapshotter", "sluice", BusyboxImage.Name, "refused"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_layer_that_is_not_lazy_fails_the_pull_and_leaves_nothing()
    {
        using TemporaryDirectory tree = new();
        await using PrivateContainerd containerd = await PrivateContainerd.StartAsync(new FakeLazyImages(tree.Path) { Lazy = false });
        using ContainerdClient client = containerd.Connect();
        SluiceException error = await Assert.ThrowsAsync<SluiceException>(
            () => new ImagePull(client, TimeProvider.System).RegisterAsync(new BusyboxImage().ToRegister(), Cancellation));
        Assert.Contains("the snapshotter 'sluice' does not bring layer", error.Message, StringComparison.Ordinal);
        Assert.Empty(containerd.Server.Snapshotter.List([]));
        Assert.Empty(await client.Images.ListAsync([], Cancellation));
    }

    [Fact]
    public async Task Content_images_and_leases_round_trip()
    {
        await using PrivateContainerd containerd = await PrivateContainerd.StartAsync(new NoLazyImages());
        using ContainerdClient client = containerd.Connect("fresh");
        Assert.StartsWith("1.", await client.GetVersionAsync(Cancellation), StringComparison.Ordinal);
        await client.EnsureNamespaceAsync(Cancellation);
        await client.EnsureNamespaceAsync(Cancellation);
        Assert.Contains("fresh", await client.ListNamespacesAsync(Cancellation));

        byte[] blob = new byte[(3 << 20) + 17];
        new Random(1).NextBytes(blob);
        Digest digest = Digest.Sha256(blob);
        await client.Leases.CreateAsync("hold", DateTimeOffset.UtcNow.AddHours(1), Cancellation);
        using (ContainerdClient leased = client.WithLease("hold"))
        {
            Assert.Null(await leased.Content.FindAsync(digest, Cancellation));
            await leased.Content.WriteAsync(blob, new Dictionary<string, string> { ["a"] = "1" }, Cancellation);
            await leased.Content.WriteAsync(blob, new Dictionary<string, string> { ["b"] = "2" }, Cancellation);
        }

        ContentInfo info = (await client.Content.FindAsync(digest, Cancellation))!;
        Assert.Equal(blob.Length, info.Size);
        Assert.Equal("1", info.Labels["a"]);
        Assert.Equal("2", info.Labels["b"]);
        Assert.Equal(blob, await client.Content.ReadAsync(digest, blob.Length, Cancellation));
        await Assert.ThrowsAsync<SluiceException>(() => client.Content.ReadAsync(digest, blob.Length - 1, Cancellation));

        Descriptor target = new() { MediaType = MediaTypes.OciManifest, Digest = digest, Size = blob.Length };
        ImageRecord record = new("example.invalid/x:1", target, new Dictionary<string, string> { ["l"] = "v" });
        Assert.Null(await client.Images.FindAsync(record.Name, Cancellation));
        await client.Images.PutAsync(record, Cancellation);
        await client.Images.PutAsync(record with { Labels = new Dictionary<string, string> { ["l"] = "w" } }, Cancellation);
        ImageRecord found = (await client.Images.FindAsync(record.Name, Cancellation))!;
        Assert.Equal(digest, found.Target.Digest);
        Assert.Equal("w", found.Labels["l"]);
        Assert.Equal(["hold"], await client.Leases.ListAsync(Cancellation));
        await client.Images.DeleteAsync(record.Name, wait: true, Cancellation);
        await client.Leases.DeleteAsync("hold", wait: true, Cancellation);
        Assert.Null(await client.Content.FindAsync(digest, Cancellation));
    }
}
