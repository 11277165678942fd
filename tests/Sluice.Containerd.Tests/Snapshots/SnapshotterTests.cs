using Microsoft.Data.Sqlite;
using Sluice.Containerd.Files;
using Sluice.Containerd.Grpc;
using Sluice.Containerd.Snapshots;
using Sluice.Formats;
using Sluice.Testing;

namespace Sluice.Containerd.Tests.Snapshots;

/// <summary>Ordinary snapshots: rules, mounts, and what a crash or a damaged root leaves.</summary>
public sealed class SnapshotterTests : IDisposable
{
    private static readonly Dictionary<string, string> None = [];

    private readonly TemporaryDirectory _directory = new();
    private Snapshotter _snapshotter;

    public SnapshotterTests() => _snapshotter = Open();

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public void Dispose()
    {
        _snapshotter.Dispose();
        _directory.Dispose();
    }

    [Fact]
    public async Task Mounts_are_those_of_overlayfs()
    {
        SnapshotMount first = await _snapshotter.PrepareAsync("a", "", None, Cancellation);
        Assert.Equal("bind", first.Type);
        Assert.Equal(["rw", "rbind"], first.Options);
        Assert.EndsWith("/snapshots/1/fs", first.Source, StringComparison.Ordinal);
        _snapshotter.Commit("A", "a", None, Cancellation);
        await CommitAsync("B", "A");

        SnapshotMount active = await _snapshotter.PrepareAsync("top", "B", None, Cancellation);
        Assert.Equal("overlay", active.Type);
        string root = Path.Combine(_directory.File("root"), "snapshots");
        string[] expected = [$"workdir={root}/3/work", $"upperdir={root}/3/fs", $"lowerdir={root}/2/fs:{root}/1/fs"];
        Assert.Equal(expected, active.Options.Where(option => option.Contains('/', StringComparison.Ordinal)));
        Assert.Equal(active.Options, (await _snapshotter.MountsAsync("top", Cancellation)).Options);

        SnapshotMount viewOfOne = await _snapshotter.ViewAsync("v1", "A", None, Cancellation);
        Assert.Equal(("bind", $"{root}/1/fs"), (viewOfOne.Type, viewOfOne.Source));
        Assert.Equal(["ro", "rbind"], viewOfOne.Options);
        SnapshotMount viewOfTwo = await _snapshotter.ViewAsync("v2", "B", None, Cancellation);
        Assert.DoesNotContain(viewOfTwo.Options, option => option.StartsWith("upperdir", StringComparison.Ordinal));
        Assert.Equal(["ro", "rbind"], (await _snapshotter.ViewAsync("v0", "", None, Cancellation)).Options);
    }

    [Fact]
    public async Task Each_violation_has_its_code()
    {
        await CommitAsync("A", "");
        await _snapshotter.PrepareAsync("active", "A", None, Cancellation);
        await _snapshotter.ViewAsync("view", "A", None, Cancellation);

        await RefusedAsync(GrpcStatusCode.AlreadyExists, () => _snapshotter.PrepareAsync("active", "A", None, Cancellation));
        await RefusedAsync(GrpcStatusCode.AlreadyExists, () => _snapshotter.ViewAsync("A", "A", None, Cancellation));
        await RefusedAsync(GrpcStatusCode.NotFound, () => _snapshotter.PrepareAsync("x", "none", None, Cancellation));
        await RefusedAsync(GrpcStatusCode.InvalidArgument, () => _snapshotter.PrepareAsync("x", "active", None, Cancellation));
        await RefusedAsync(GrpcStatusCode.InvalidArgument, () => _snapshotter.PrepareAsync("", "A", None, Cancellation));
        await RefusedAsync(GrpcStatusCode.NotFound, () => _snapshotter.MountsAsync("none", Cancellation));
        await RefusedAsync(GrpcStatusCode.FailedPrecondition, () => _snapshotter.MountsAsync("A", Cancellation));
        await RefusedAsync(GrpcStatusCode.AlreadyExists, () => CommitOnlyAsync("A", "active"));
        await RefusedAsync(GrpcStatusCode.NotFound, () => CommitOnlyAsync("B", "none"));
        await RefusedAsync(GrpcStatusCode.FailedPrecondition, () => CommitOnlyAsync("B", "view"));
        await RefusedAsync(GrpcStatusCode.NotFound, () => _snapshotter.RemoveAsync("none"));
        await RefusedAsync(GrpcStatusCode.FailedPrecondition, () => _snapshotter.RemoveAsync("A"));
        await RefusedAsync(GrpcStatusCode.NotFound, () => Task.FromResult(_snapshotter.Stat("none")));
        await RefusedAsync(GrpcStatusCode.NotFound, () => Task.FromResult(_snapshotter.Usage("none", Cancellation)));
        await RefusedAsync(GrpcStatusCode.NotFound, () => Task.FromResult(_snapshotter.Update("none", None, [])));
        await RefusedAsync(GrpcStatusCode.InvalidArgument, () => Task.FromResult(_snapshotter.Update("A", None, ["parent"])));
        await RefusedAsync(GrpcStatusCode.InvalidArgument, () => Task.FromResult(_snapshotter.List(["name=x"])));
        Assert.Equal(3, _snapshotter.List([]).Count);
    }

    [Fact]
    public async Task The_root_takes_owner_and_mode_of_its_parent()
    {
        if (!Environment.IsPrivilegedProcess) Assert.Skip("needs root: changes owners");
        SnapshotMount mount = await _snapshotter.PrepareAsync("a", "", None, Cancellation);
        Assert.True(FileStatus.TryRead(mount.Source, out FileStatus status));
        Assert.Equal(0x1edu, status.Permissions);
        FileOwnership.Apply(mount.Source, status with { User = 1234, Group = 5678, Mode = 0x41c0 | 0x200 });
        _snapshotter.Commit("A", "a", None, Cancellation);
        await _snapshotter.PrepareAsync("b", "A", None, Cancellation);
        Assert.True(FileStatus.TryRead(Path.Combine(_directory.File("root"), "snapshots/2/fs"), out status));
        Assert.Equal((1234u, 5678u, 0x3c0u), (status.User, status.Group, status.Permissions));
    }

    [Fact]
    public async Task Usage_is_taken_at_commit()
    {
        SnapshotMount mount = await _snapshotter.PrepareAsync("a", "", None, Cancellation);
        await File.WriteAllBytesAsync(Path.Combine(mount.Source, "f"), new byte[100_000]);
        SnapshotUsage active = _snapshotter.Usage("a", Cancellation);
        Assert.Equal(2, active.Inodes);
        Assert.InRange(active.Size, 100_000, 200_000);
        _snapshotter.Commit("A", "a", None, Cancellation);
        Assert.Equal(active, _snapshotter.Usage("A", Cancellation));
    }

    [Fact]
    public async Task Lists_use_the_filters()
    {
        for (int i = 0; i < 250; i++) await _snapshotter.PrepareAsync($"key-{i}", "", new Dictionary<string, string> { ["n"] = $"{i % 10}" }, Cancellation);
        Assert.Equal(250, _snapshotter.List([]).Count);
        Assert.Equal(25, _snapshotter.List(["labels.n==3"]).Count);
        Assert.Equal(50, _snapshotter.List(["labels.n==3", "labels.n==4", "labels.n==3,kind==active"]).Count);
        Assert.Equal("key-13", Assert.Single(_snapshotter.List(["name==key-13,labels.n==3"])).Name);
        Assert.Empty(_snapshotter.List(["name==key-13,labels.n==4"]));
        Assert.Empty(_snapshotter.List(["parent==key-1"]));
        Assert.Equal(250, _snapshotter.List(["parent==\"\""]).Count);
    }

    [Fact]
    public async Task Everything_survives_a_restart()
    {
        await CommitAsync("A", "", new Dictionary<string, string> { ["l"] = "v" });
        SnapshotMount before = await _snapshotter.PrepareAsync("top", "A", None, Cancellation);
        SnapshotInfo info = _snapshotter.Stat("A");
        Reopen();
        Assert.Equal(before.Options, (await _snapshotter.MountsAsync("top", Cancellation)).Options);
        SnapshotInfo after = _snapshotter.Stat("A");
        Assert.Equal(info with { Labels = None }, after with { Labels = None });
        Assert.Equal(info.Labels, after.Labels);
    }

    [Fact]
    public async Task Cleanup_removes_what_a_crash_leaves_and_nothing_else()
    {
        await CommitAsync("A", "");
        string snapshots = Path.Combine(_directory.File("root"), "snapshots");
        foreach (string orphan in new[] { "new-abc/fs", "rm-7-abc/fs/x", "99/fs", "junk" }) Directory.CreateDirectory(Path.Combine(snapshots, orphan));
        _snapshotter.Cleanup();
        Assert.Equal([Path.Combine(snapshots, "1")], Directory.GetDirectories(snapshots));
    }

    [Fact]
    public async Task A_directory_whose_row_was_never_committed_is_no_obstacle()
    {
        await CommitAsync("A", "");
        string orphan = Path.Combine(_directory.File("root"), "snapshots/2/fs/old");
        Directory.CreateDirectory(orphan);
        SnapshotMount mount = await _snapshotter.PrepareAsync("b", "A", None, Cancellation);
        Assert.Contains(mount.Options, option => option.EndsWith("/snapshots/2/fs", StringComparison.Ordinal));
        Assert.False(Directory.Exists(orphan));
    }

    [Fact]
    public async Task Removing_later_leaves_the_directory_to_cleanup()
    {
        _snapshotter.Dispose();
        _snapshotter = Snapshotter.Open(new SnapshotterOptions { Root = _directory.File("root"), RemoveLater = true });
        await CommitAsync("A", "");
        await _snapshotter.RemoveAsync("A");
        string snapshots = Path.Combine(_directory.File("root"), "snapshots");
        Assert.Single(Directory.GetDirectories(snapshots));
        _snapshotter.Cleanup();
        Assert.Empty(Directory.GetDirectories(snapshots));
    }

    [Fact]
    public async Task A_lost_directory_is_named_and_a_lost_work_directory_made_again()
    {
        await CommitAsync("A", "");
        await _snapshotter.PrepareAsync("top", "A", None, Cancellation);
        string snapshots = Path.Combine(_directory.File("root"), "snapshots");
        Directory.Delete(Path.Combine(snapshots, "2/work"));
        await _snapshotter.MountsAsync("top", Cancellation);
        Assert.True(Directory.Exists(Path.Combine(snapshots, "2/work")));

        Directory.Delete(Path.Combine(snapshots, "1"), recursive: true);
        GrpcException error = await RefusedAsync(GrpcStatusCode.FailedPrecondition, () => _snapshotter.MountsAsync("top", Cancellation));
        Assert.Contains("snapshot A has lost its directory", error.Detail, StringComparison.Ordinal);
        await RefusedAsync(GrpcStatusCode.FailedPrecondition, () => _snapshotter.PrepareAsync("other", "A", None, Cancellation));
        Assert.DoesNotContain(_snapshotter.List([]), snapshot => snapshot.Name == "other");
    }

    [Fact]
    public void A_root_has_one_user()
    {
        SluiceException error = Assert.Throws<SluiceException>(Open);
        Assert.Equal(SluiceError.Disk, error.Error);
        Assert.Contains("another process", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_damaged_database_is_an_error_with_its_path()
    {
        _snapshotter.Dispose();
        string path = Path.Combine(_directory.File("root"), "metadata.db");
        foreach (string extra in new[] { "-wal", "-shm" }) File.Delete(path + extra);
        byte[] bytes = new byte[8192];
        new Random(3).NextBytes(bytes);
        File.WriteAllBytes(path, bytes);
        SluiceException error = Assert.Throws<SluiceException>(Open);
        Assert.Equal((SluiceError.Disk, path), (error.Error, error.Culprit));
    }

    [Fact]
    public void A_database_of_a_later_version_is_refused()
    {
        _snapshotter.Dispose();
        using (SqliteConnection connection = new($"Data Source={Path.Combine(_directory.File("root"), "metadata.db")};Pooling=False"))
        {
            connection.Open();
            using SqliteCommand command = connection.CreateCommand();
            command.CommandText = "PRAGMA user_version = 99";
            command.ExecuteNonQuery();
        }

        Assert.Contains("later version", Assert.Throws<SluiceException>(Open).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("relative")]
    [InlineData("/tmp/with:colon")]
    [InlineData("/tmp/with,comma")]
    public void An_unusable_root_is_a_configuration_error(string root) =>
        Assert.Equal(SluiceError.Configuration, Assert.Throws<SluiceException>(() => Snapshotter.Open(new SnapshotterOptions { Root = root })).Error);

    [Fact]
    public async Task Many_callers_at_once_leave_a_consistent_state()
    {
        await CommitAsync("base", "");
        await Task.WhenAll(Enumerable.Range(0, 8).Select(worker => Task.Run(async () =>
        {
            for (int i = 0; i < 10; i++)
            {
                await _snapshotter.PrepareAsync($"{worker}-{i}", "base", None, Cancellation);
                if (i % 3 == 0) _snapshotter.Commit($"c-{worker}-{i}", $"{worker}-{i}", None, Cancellation);
                if (i % 3 == 1) await _snapshotter.RemoveAsync($"{worker}-{i}");
                if (i % 5 == 0) _snapshotter.Cleanup();
            }
        })));
        _snapshotter.Cleanup();
        IReadOnlyList<SnapshotInfo> left = _snapshotter.List([]);
        Assert.Equal(1 + (8 * 7), left.Count);
        Assert.Equal(left.Count, Directory.GetDirectories(Path.Combine(_directory.File("root"), "snapshots")).Length);
    }

    private static async Task<GrpcException> RefusedAsync(GrpcStatusCode status, Func<Task> call)
    {
        GrpcException error = await Assert.ThrowsAsync<GrpcException>(call);
        Assert.Equal(status, error.Status);
        return error;
    }

    private Snapshotter Open() => Snapshotter.Open(new SnapshotterOptions { Root = _directory.File("root") });

    private void Reopen()
    {
        _snapshotter.Dispose();
        _snapshotter = Open();
    }

    private async Task CommitAsync(string name, string parent, Dictionary<string, string>? labels = null)
    {
        await _snapshotter.PrepareAsync("commit-" + name, parent, None, Cancellation);
        _snapshotter.Commit(name, "commit-" + name, labels ?? None, Cancellation);
    }

    private Task CommitOnlyAsync(string name, string key)
    {
        _snapshotter.Commit(name, key, None, Cancellation);
        return Task.CompletedTask;
    }
}
