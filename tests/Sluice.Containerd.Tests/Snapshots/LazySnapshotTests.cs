using Sluice.Containerd.Grpc;
using Sluice.Containerd.Snapshots;
using Sluice.Containerd.Snapshots.Lazy;
using Sluice.Containerd.Tests.Runtime;
using Sluice.Formats;
using Sluice.Formats.Oci;
using Sluice.Testing;

namespace Sluice.Containerd.Tests.Snapshots;

/// <summary>Layers that are served lazily, without containerd.</summary>
public sealed class LazySnapshotTests : IDisposable
{
    private readonly TemporaryDirectory _directory = new();
    private readonly FakeLazyImages _images;
    private readonly Snapshotter _snapshotter;

    public LazySnapshotTests()
    {
        Directory.CreateDirectory(_directory.File("image"), UnixFileMode.UserRead | UnixFileMode.UserExecute | UnixFileMode.GroupExecute);
        _images = new FakeLazyImages(_directory.File("image"));
        _snapshotter = Snapshotter.Open(new SnapshotterOptions { Root = _directory.File("root") }, _images);
    }

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public void Dispose()
    {
        _snapshotter.Dispose();
        _directory.Dispose();
    }

    [Fact]
    public async Task A_layer_is_committed_under_its_parent_and_found_by_containerds_filter()
    {
        string data = await PullAsync("default/1/extract-1 L1", "", "L1", "m1");
        string top = await PullAsync("default/2/extract-2 L2", data, "L2", "m1", completes: true);
        Assert.Equal("default/1/L1", data);
        Assert.Equal("default/2/L2", top);
        Assert.Equal(SnapshotKind.Committed, _snapshotter.Stat(top).Kind);
        Assert.Equal(data, _snapshotter.Stat(top).Parent);
        Assert.Equal(default, _snapshotter.Usage(top, Cancellation));
        Assert.Empty(Directory.GetDirectories(Path.Combine(_directory.File("root"), "snapshots")));
    }

    [Fact]
    public async Task A_container_stands_on_one_mount_with_the_mode_of_its_root()
    {
        string top = await PullImageAsync("m1");
        SnapshotMount mount = await _snapshotter.PrepareAsync("default/9/c", top, new Dictionary<string, string>(), Cancellation);
        Assert.Contains("lowerdir=" + _directory.File("image"), mount.Options);
        string upper = mount.Options.Single(option => option.StartsWith("upperdir=", StringComparison.Ordinal))["upperdir=".Length..];
        Assert.Equal(File.GetUnixFileMode(_directory.File("image")), File.GetUnixFileMode(upper));

        SnapshotMount view = await _snapshotter.ViewAsync("default/10/v", top, new Dictionary<string, string>(), Cancellation);
        Assert.Equal(("bind", _directory.File("image")), (view.Type, view.Source));
    }

    [Fact]
    public async Task Ordinary_layers_may_lie_above()
    {
        string top = await PullImageAsync("m1");
        await _snapshotter.PrepareAsync("default/9/c", top, new Dictionary<string, string>(), Cancellation);
        _snapshotter.Commit("default/10/committed", "default/9/c", new Dictionary<string, string>(), Cancellation);
        SnapshotMount mount = await _snapshotter.PrepareAsync("default/11/d", "default/10/committed", new Dictionary<string, string>(), Cancellation);
        string lower = mount.Options.Single(option => option.StartsWith("lowerdir=", StringComparison.Ordinal));
        Assert.Matches($"^lowerdir=.*/snapshots/[0-9]+/fs:{_directory.File("image")}$", lower);
    }

    [Fact]
    public async Task Data_layers_are_shared_and_can_t_be_mounted_alone()
    {
        string data = await PullAsync("default/1/a", "", "L1", "m1");
        await PullAsync("default/2/b", data, "L2", "m1", completes: true);
        Assert.Equal(data, await PullAsync("other/1/a", "", "L1", "m2"));
        await PullAsync("other/2/b", data, "L3", "m2", completes: true);
        Assert.Equal(2, _snapshotter.LazyImages().Count);

        GrpcException error = await Assert.ThrowsAsync<GrpcException>(
            () => _snapshotter.PrepareAsync("default/9/c", data, new Dictionary<string, string>(), Cancellation));
        Assert.Equal(GrpcStatusCode.FailedPrecondition, error.Status);
        Assert.Contains("data layer", error.Detail, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_image_is_released_with_its_last_completing_layer_only()
    {
        string data = await PullAsync("default/1/a", "", "L1", "m1");
        string top = await PullAsync("default/2/b", data, "L2", "m1", completes: true);
        await _snapshotter.PrepareAsync("default/9/c", top, new Dictionary<string, string>(), Cancellation);
        await _snapshotter.RemoveAsync("default/9/c");
        Assert.DoesNotContain(_images.Calls, call => call.StartsWith("release", StringComparison.Ordinal));
        await _snapshotter.RemoveAsync(top);
        Assert.Equal("release " + Manifest("m1"), _images.Calls[^1]);
        Assert.Empty(_snapshotter.LazyImages());
    }

    [Fact]
    public async Task A_prefix_is_mounted_for_itself_and_released_with_its_top_layer()
    {
        _images.HasPrefixes = true;
        string low = await PullAsync("default/1/a", "", "L1", "m1"), middle = await PullAsync("default/2/b", low, "L2", "m1");
        string top = await PullAsync("default/3/c", middle, "L3", "m1", completes: true);
        Assert.Equal([Manifest("m1"), Manifest("L1"), Manifest("L1 L2")], _snapshotter.LazyImages().Select(image => image.Key.Manifest));
        Assert.Equal(Manifest("L1 L2"), _snapshotter.FindImage("L2")?.Key.Manifest);
        Assert.Equal(Manifest("m1"), _snapshotter.FindImage("L3")?.Key.Manifest);
        Assert.Null(_snapshotter.FindImage("L4"));

        SnapshotMount mount = await _snapshotter.PrepareAsync("default/9/d", middle, new Dictionary<string, string>(), Cancellation);
        Assert.Contains("lowerdir=" + _directory.File("image"), mount.Options);
        Assert.Equal("mount " + Manifest("L1 L2"), _images.Calls[^1]);
        await _snapshotter.RemoveAsync(top);
        Assert.Equal("release " + Manifest("m1"), _images.Calls[^1]);
        await _snapshotter.RemoveAsync("default/9/d");
        Assert.DoesNotContain("release " + Manifest("L1 L2"), _images.Calls);
        await _snapshotter.RemoveAsync(middle);
        Assert.Contains("release " + Manifest("L1 L2"), _images.Calls);
        await _snapshotter.RemoveAsync(low);
        Assert.Empty(_snapshotter.LazyImages());
    }

    [Fact]
    public async Task A_failed_mount_leaves_nothing_and_passes_the_error_on()
    {
        string top = await PullImageAsync("m1");
        SluiceException failure = new(SluiceError.Source, "registry r", "is down");
        _images.MountError = failure;
        Assert.Same(failure, await Assert.ThrowsAsync<SluiceException>(
            () => _snapshotter.PrepareAsync("default/9/c", top, new Dictionary<string, string>(), Cancellation)));
        Assert.DoesNotContain(_snapshotter.List([]), snapshot => snapshot.Kind == SnapshotKind.Active);
        Assert.Empty(Directory.GetDirectories(Path.Combine(_directory.File("root"), "snapshots")));
        _images.MountError = null;
        await _snapshotter.PrepareAsync("default/9/c", top, new Dictionary<string, string>(), Cancellation);
    }

    [Fact]
    public async Task A_failed_decision_records_nothing()
    {
        _images.FindError = new SluiceException(SluiceError.Unauthorized, "registry r", "refused");
        await Assert.ThrowsAsync<SluiceException>(() => _snapshotter.PrepareAsync("default/1/a", "", Labels("L1", "m1", true), Cancellation));
        Assert.Empty(_snapshotter.List([]));
    }

    [Fact]
    public async Task Ordinary_layers_with_the_label_are_prepared_as_ever()
    {
        _images.Lazy = false;
        SnapshotMount mount = await _snapshotter.PrepareAsync("default/1/extract", "", Labels("L1", "m1", true), Cancellation);
        Assert.Equal("bind", mount.Type);

        // Committed with the same label: still not taken for a lazy layer, another namespace must not trust it.
        _snapshotter.Commit("default/2/L1", "default/1/extract", Labels("L1", "m1", true), Cancellation);
        Assert.Equal("bind", (await _snapshotter.PrepareAsync("other/1/extract", "", Labels("L1", "m1", true), Cancellation)).Type);
    }

    [Fact]
    public async Task A_lost_parent_is_refused_and_nothing_recorded()
    {
        GrpcException error = await Assert.ThrowsAsync<GrpcException>(() => _snapshotter.PrepareAsync("default/1/a", "none", Labels("L1", "m1", true), Cancellation));
        Assert.Equal(GrpcStatusCode.NotFound, error.Status);
        Assert.Empty(_snapshotter.List([]));
    }

    [Fact]
    public async Task Pulls_of_one_image_at_once_make_one_chain()
    {
        string[] tops = await Task.WhenAll(Enumerable.Range(0, 16).Select(i => Task.Run(async () =>
        {
            string data = await PullAsync($"ns{i}/1/a", "", "L1", "m1");
            return await PullAsync($"ns{i}/2/b", data, "L2", "m1", completes: true);
        })));
        Assert.Single(tops.Distinct());
        Assert.Equal(2, _snapshotter.List([]).Count);
    }

    [Theory]
    [InlineData("dir", "bind")]
    [InlineData("dev", "ext4")]
    public async Task A_container_may_have_a_disk_of_its_own(string mode, string type)
    {
        string top = await PullImageAsync("m1");
        Dictionary<string, string> labels = new() { [SnapshotLabels.Writable] = mode };
        SnapshotMount mount = await _snapshotter.PrepareAsync("default/9/c", top, labels, Cancellation);
        Assert.Equal(type, mount.Type);
        Assert.Equal(mount, await _snapshotter.MountsAsync("default/9/c", Cancellation), (one, other) => one.Source == other.Source && one.Options.SequenceEqual(other.Options));
        Assert.Equal("bind", (await _snapshotter.ViewAsync("default/10/v", top, labels, Cancellation)).Type);
        SnapshotContents contents = _snapshotter.FindContainer("default", "c")!;
        Assert.Equal((mode == "dir" ? WriteMode.Directory : WriteMode.Device, "r/m1", 0), (contents.Mode, contents.Image!.Reference, contents.Directories.Count));
        string block = Path.Combine(_directory.File("root"), "snapshots", $"{contents.Id}", "block");
        File.WriteAllBytes(Path.Combine(block, "data"), new byte[100_000]);
        Assert.InRange(_snapshotter.Usage("default/9/c", Cancellation).Size, 100_000, 200_000);

        GrpcException refused = Assert.Throws<GrpcException>(() => _snapshotter.Commit("default/11/x", "default/9/c", new Dictionary<string, string>(), Cancellation));
        Assert.Equal(GrpcStatusCode.FailedPrecondition, refused.Status);
        Assert.Contains("sluice commit", refused.Hint, StringComparison.Ordinal);
        await _snapshotter.RemoveAsync("default/9/c");
        Assert.Equal($"detach {contents.Id}", _images.Calls[^1]);
        Assert.False(Directory.Exists(block));
        Assert.Null(_snapshotter.FindContainer("default", "c"));
    }

    [Fact]
    public async Task Modes_are_kept_over_a_restart_and_refused_where_there_is_no_device()
    {
        string top = await PullImageAsync("m1");
        _images.DefaultMode = WriteMode.Device;
        Assert.Equal("ext4", (await _snapshotter.PrepareAsync("default/9/c", top, new Dictionary<string, string>(), Cancellation)).Type);
        Assert.Equal("overlay", (await _snapshotter.PrepareAsync("default/10/extract", top, new Dictionary<string, string> { [SnapshotLabels.Reference] = "L9" }, Cancellation)).Type);
        Assert.Equal("overlay", (await _snapshotter.PrepareAsync("default/11/d", top, new Dictionary<string, string> { [SnapshotLabels.Writable] = "overlayfs" }, Cancellation)).Type);
        _snapshotter.Dispose();
        using (Snapshotter again = Snapshotter.Open(new SnapshotterOptions { Root = _directory.File("root") }, _images))
        {
            _images.DefaultMode = WriteMode.Overlay;
            Assert.Equal("ext4", (await again.MountsAsync("default/9/c", Cancellation)).Type);
            Assert.Equal("overlay", (await again.PrepareAsync("default/12/e", top, new Dictionary<string, string>(), Cancellation)).Type);
            again.Commit("default/13/layer", "default/11/d", new Dictionary<string, string>(), Cancellation);
            await again.PrepareAsync("default/14/f", "default/13/layer", new Dictionary<string, string>(), Cancellation);
            Assert.Equal(2, again.FindContainer("default", "f")!.Directories.Count);
            foreach ((string parent, string mode) in new[] { ("", "dir"), ("default/13/layer", "dev"), (top, "nonsense") })
            {
                GrpcException refused = await Assert.ThrowsAsync<GrpcException>(() => again.PrepareAsync("default/15/g", parent, new Dictionary<string, string> { [SnapshotLabels.Writable] = mode }, Cancellation));
                Assert.Equal(GrpcStatusCode.InvalidArgument, refused.Status);
            }
        }
    }

    [Fact]
    public async Task A_disk_that_can_t_be_attached_leaves_nothing()
    {
        string top = await PullImageAsync("m1");
        _images.MountError = new SluiceException(SluiceError.Kernel, "loop", "refused");
        await Assert.ThrowsAsync<SluiceException>(() => _snapshotter.PrepareAsync("default/9/c", top, new Dictionary<string, string> { [SnapshotLabels.Writable] = "dir" }, Cancellation));
        Assert.Empty(Directory.GetDirectories(Path.Combine(_directory.File("root"), "snapshots")));
        Assert.StartsWith("detach", _images.Calls[^1], StringComparison.Ordinal);
        Assert.Null(_snapshotter.FindContainer("default", "c"));
    }

    [Fact]
    public void A_database_of_the_first_version_is_brought_up_to_date()
    {
        string root = Directory.CreateDirectory(_directory.File("old")).FullName;
        using (Snapshotter.Open(new SnapshotterOptions { Root = root })) { }
        using (Microsoft.Data.Sqlite.SqliteConnection connection = new($"Data Source={Path.Combine(root, "metadata.db")};Pooling=False"))
        {
            connection.Open();
            using Microsoft.Data.Sqlite.SqliteCommand command = connection.CreateCommand();
            command.CommandText = "ALTER TABLE snapshots DROP COLUMN mode; PRAGMA user_version = 1; INSERT INTO snapshots (name, kind, created_at, updated_at) VALUES ('default/1/old', 2, 0, 0);";
            command.ExecuteNonQuery();
        }

        using Snapshotter reopened = Snapshotter.Open(new SnapshotterOptions { Root = root });
        Assert.Equal(WriteMode.Overlay, reopened.FindContainer("default", "old")!.Mode);
    }

    private static Digest Manifest(string image) => Digest.Sha256(System.Text.Encoding.ASCII.GetBytes(image));

    private static Dictionary<string, string> Labels(string reference, string image, bool completes)
    {
        Dictionary<string, string> labels = new()
        {
            [SnapshotLabels.Reference] = reference,
            [SnapshotLabels.ImageReference] = "r/" + image,
            [SnapshotLabels.ManifestDigest] = Manifest(image).ToString(),
        };
        if (completes) labels[FakeLazyImages.TopLabel] = "true";
        return labels;
    }

    private async Task<string> PullImageAsync(string image) =>
        await PullAsync("default/2/b", await PullAsync("default/1/a", "", "L1", image), "L2", image, completes: true);

    /// <summary>What containerd does for a layer: Prepare, and on AlreadyExists look for the snapshot with its filter.</summary>
    private async Task<string> PullAsync(string key, string parent, string reference, string image, bool completes = false)
    {
        GrpcException error = await Assert.ThrowsAsync<GrpcException>(() => _snapshotter.PrepareAsync(key, parent, Labels(reference, image, completes), Cancellation));
        Assert.Equal(GrpcStatusCode.AlreadyExists, error.Status);
        return Assert.Single(_snapshotter.List([$"labels.\"containerd.io/snapshot.ref\"=={reference},parent==\"{parent}\""])).Name;
    }
}
