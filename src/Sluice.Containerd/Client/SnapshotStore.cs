using Sluice.Containerd.Grpc;
using Sluice.Containerd.Protos.Snapshots;
using Sluice.Containerd.Protos.Types;
using Sluice.Containerd.Snapshots;

namespace Sluice.Containerd.Client;

/// <summary>One snapshotter of containerd, seen through its metadata store: names are those of this namespace, without prefix.</summary>
public sealed class SnapshotStore
{
    private readonly ContainerdClient _client;
    private readonly string _snapshotter;

    internal SnapshotStore(ContainerdClient client, string snapshotter)
    {
        _client = client;
        _snapshotter = snapshotter;
    }

    /// <summary>Null when there is no such snapshot.</summary>
    public async Task<SnapshotInfo?> FindAsync(string name, CancellationToken cancellation)
    {
        try
        {
            StatSnapshotRequest request = new() { Snapshotter = _snapshotter, Key = name };
            StatSnapshotResponse response = await _client.CallAsync(ContainerdMethods.StatSnapshot, request, cancellation);
            return ToInfo(response.Info);
        }
        catch (GrpcException exception) when (exception.Status == GrpcStatusCode.NotFound)
        {
            return null;
        }
    }

    public async Task<IReadOnlyList<SnapshotInfo>> ListAsync(IReadOnlyList<string> filters, CancellationToken cancellation)
    {
        List<SnapshotInfo> found = [];
        ListSnapshotsRequest request = new() { Snapshotter = _snapshotter, Filters = { filters } };
        await foreach (ListSnapshotsResponse block in _client.StreamAsync(ContainerdMethods.ListSnapshots, request, cancellation))
        {
            found.AddRange(block.Info.Select(ToInfo));
        }

        return found;
    }

    /// <returns>The mounts, or null when the snapshotter already has what the label <see cref="SnapshotLabels.Reference"/> asks for.</returns>
    public async Task<IReadOnlyList<SnapshotMount>?> PrepareAsync(
        string key, string parent, IReadOnlyDictionary<string, string> labels, CancellationToken cancellation)
    {
        PrepareSnapshotRequest request = new() { Snapshotter = _snapshotter, Key = key, Parent = parent };
        foreach ((string name, string value) in labels) request.Labels[name] = value;
        try
        {
            PrepareSnapshotResponse response = await _client.CallAsync(ContainerdMethods.PrepareSnapshot, request, cancellation);
            return ToMounts(response.Mounts);
        }
        catch (GrpcException exception) when (exception.Status == GrpcStatusCode.AlreadyExists && labels.ContainsKey(SnapshotLabels.Reference))
        {
            return null;
        }
    }

    public async Task<IReadOnlyList<SnapshotMount>> ViewAsync(string key, string parent, CancellationToken cancellation)
    {
        ViewSnapshotRequest request = new() { Snapshotter = _snapshotter, Key = key, Parent = parent };
        return ToMounts((await _client.CallAsync(ContainerdMethods.ViewSnapshot, request, cancellation)).Mounts);
    }

    public async Task<IReadOnlyList<SnapshotMount>> MountsAsync(string key, CancellationToken cancellation)
    {
        MountsRequest request = new() { Snapshotter = _snapshotter, Key = key };
        return ToMounts((await _client.CallAsync(ContainerdMethods.SnapshotMounts, request, cancellation)).Mounts);
    }

    public Task CommitAsync(string name, string key, IReadOnlyDictionary<string, string> labels, CancellationToken cancellation)
    {
        CommitSnapshotRequest request = new() { Snapshotter = _snapshotter, Name = name, Key = key };
        foreach ((string label, string value) in labels) request.Labels[label] = value;
        return _client.CallAsync(ContainerdMethods.CommitSnapshot, request, cancellation);
    }

    public Task RemoveAsync(string key, CancellationToken cancellation) =>
        _client.CallAsync(ContainerdMethods.RemoveSnapshot, new RemoveSnapshotRequest { Snapshotter = _snapshotter, Key = key }, cancellation);

    public async Task<SnapshotUsage> UsageAsync(string key, CancellationToken cancellation)
    {
        UsageResponse response = await _client.CallAsync(ContainerdMethods.SnapshotUsage, new UsageRequest { Snapshotter = _snapshotter, Key = key }, cancellation);
        return new SnapshotUsage(response.Size, response.Inodes);
    }

    private static List<SnapshotMount> ToMounts(IEnumerable<Mount> mounts) => [.. mounts.Select(mount => new SnapshotMount(mount.Type, mount.Source, [.. mount.Options]))];

    private static SnapshotInfo ToInfo(Info info) => new(
        info.Name, info.Parent, (SnapshotKind)info.Kind, info.CreatedAt.ToDateTimeOffset(), info.UpdatedAt.ToDateTimeOffset(),
        info.Labels.ToDictionary(StringComparer.Ordinal));
}
