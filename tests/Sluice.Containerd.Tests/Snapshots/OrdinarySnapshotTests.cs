using Sluice.Containerd.Grpc;
using Sluice.Containerd.Snapshots;
using Sluice.Containerd.Snapshots.Ordinary;
using Sluice.Testing;

namespace Sluice.Containerd.Tests.Snapshots;

/// <summary>Ordinary layers that the node brings, and those that it leaves to containerd.</summary>
public sealed class OrdinarySnapshotTests : IDisposable, IOrdinaryLayers
{
    private readonly TemporaryDirectory _directory = new();
    private readonly Snapshotter _snapshotter;
    private readonly List<Layer> _given = [];
    private bool _isLeft, _fits = true;

    public OrdinarySnapshotTests() => _snapshotter = Snapshotter.Open(new SnapshotterOptions { Root = _directory.File("root") }, ordinary: this);

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public void Dispose()
    {
        _snapshotter.Dispose();
        _directory.Dispose();
    }

    [Fact]
    public async Task A_layer_is_committed_under_its_parent_and_found_by_containerds_filter()
    {
        string first = await PullAsync("default/1/extract-1 L1", "", "L1"), second = await PullAsync("default/2/extract-2 L2", first, "L2");
        Assert.Equal(("default/1/L1", "default/2/L2"), (first, second));
        Assert.Equal((SnapshotKind.Committed, first), (_snapshotter.Stat(second).Kind, _snapshotter.Stat(second).Parent));
        Assert.InRange(_snapshotter.Usage(second, Cancellation).Size, 1, 1 << 20);
        Assert.Empty(_given[0].Lowers!);
        string root = Path.Combine(_directory.File("root"), "snapshots");
        Assert.Equal([$"{root}/1/fs"], _given[1].Lowers!);
        Assert.All(_given, layer => Assert.True(layer.IsDisposed));

        _snapshotter.Cleanup();
        SnapshotMount mount = await _snapshotter.PrepareAsync("default/9/c", second, new Dictionary<string, string>(), Cancellation);
        Assert.Contains($"lowerdir={root}/2/fs:{root}/1/fs", mount.Options);
        Assert.Equal("L2", await File.ReadAllTextAsync($"{root}/2/fs/name", Cancellation));
        Assert.Empty(_snapshotter.LazyImages());
    }

    [Fact]
    public async Task What_is_here_is_not_brought_again()
    {
        string first = await PullAsync("default/1/a", "", "L1");
        Assert.Equal(first, await PullAsync("other/1/a", "", "L1"));
        Assert.Single(_given);
        await _snapshotter.RemoveAsync(first);
        Assert.Equal("other/2/L1", await PullAsync("other/2/a", "", "L1"));
        Assert.Equal(2, _given.Count);
    }

    [Fact]
    public async Task Two_who_ask_at_once_get_one()
    {
        await Task.WhenAll(Enumerable.Range(0, 8).Select(index => PullAsync($"n{index}/1/a", "", "L1")));
        Assert.Single(_given);
        Assert.Single(_snapshotter.List([]));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task What_is_not_brought_or_does_not_fit_is_containerds(bool isLeft)
    {
        string first = await PullAsync("default/1/a", "", "L1");
        (_isLeft, _fits) = (isLeft, isLeft);
        SnapshotMount mount = await _snapshotter.PrepareAsync("default/2/b", first, Labels("L2"), Cancellation);
        Assert.Equal("overlay", mount.Type);
        Assert.Equal(SnapshotKind.Active, _snapshotter.Stat("default/2/b").Kind);
        Assert.All(_given, layer => Assert.True(layer.IsDisposed));
        _snapshotter.Commit("default/3/L2", "default/2/b", Labels("L2"), Cancellation);

        (_isLeft, _fits) = (false, true);
        await _snapshotter.PrepareAsync("other/2/b", first, Labels("L2"), Cancellation); // another namespace must not trust what this one says it is
        Assert.Equal("default/4/L3", await PullAsync("default/4/c", "default/3/L2", "L3"));
        Assert.Equal(2, _given[^1].Lowers!.Count);
    }

    public Task<IOrdinaryLayer?> FindAsync(IReadOnlyDictionary<string, string> labels, CancellationToken cancellation)
    {
        if (_isLeft) return Task.FromResult<IOrdinaryLayer?>(null);
        var layer = new Layer(_directory.File($"layer-{_given.Count}"), labels[SnapshotLabels.Reference], _fits);
        _given.Add(layer);
        return Task.FromResult<IOrdinaryLayer?>(layer);
    }

    private static Dictionary<string, string> Labels(string reference) => new() { [SnapshotLabels.Reference] = reference };

    /// <returns>What containerd finds afterwards.</returns>
    private async Task<string> PullAsync(string key, string parent, string reference)
    {
        GrpcException error = await Assert.ThrowsAsync<GrpcException>(() => _snapshotter.PrepareAsync(key, parent, Labels(reference), Cancellation));
        Assert.Equal(GrpcStatusCode.AlreadyExists, error.Status);
        return Assert.Single(_snapshotter.List([$"labels.\"{SnapshotLabels.Reference}\"=={reference},parent==\"{parent}\""])).Name;
    }

    private sealed class Layer : IOrdinaryLayer
    {
        private readonly bool _fits;

        public Layer(string directory, string name, bool fits)
        {
            (Directory, _fits) = (directory, fits);
            System.IO.Directory.CreateDirectory(Path.Combine(directory, "fs"));
            File.WriteAllText(Path.Combine(directory, "fs", "name"), name);
        }

        public string Directory { get; }

        public IReadOnlyList<string>? Lowers { get; private set; }

        public bool IsDisposed { get; private set; }

        public bool TryFit(IReadOnlyList<string> lowers)
        {
            Lowers = lowers;
            return _fits;
        }

        public void Dispose() => IsDisposed = true;
    }
}
