using Google.Protobuf.WellKnownTypes;
using Sluice.Containerd.Grpc;
using Sluice.Containerd.Protos.Snapshots;
using Sluice.Containerd.Protos.Types;

namespace Sluice.Containerd.Snapshots;

/// <summary>The gRPC service <c>containerd.services.snapshots.v1.Snapshots</c>, as containerd's proxy plugin calls it.</summary>
internal static class SnapshotsService
{
    public const string Name = "containerd.services.snapshots.v1.Snapshots";

    /// <summary>Snapshots per message of List; the number that containerd itself uses.</summary>
    private const int ListBlock = 100;

    public static GrpcService For(Snapshotter snapshotter) => new GrpcService(Name)
        .Unary("Prepare", PrepareSnapshotRequest.Parser, async (request, call) =>
        {
            SnapshotMount mount = await snapshotter.PrepareAsync(request.Key, request.Parent, Labels(request.Labels), call.Cancellation);
            return new PrepareSnapshotResponse { Mounts = { ToMessage(mount) } };
        })
        .Unary("View", ViewSnapshotRequest.Parser, async (request, call) =>
        {
            SnapshotMount mount = await snapshotter.ViewAsync(request.Key, request.Parent, Labels(request.Labels), call.Cancellation);
            return new ViewSnapshotResponse { Mounts = { ToMessage(mount) } };
        })
        .Unary("Mounts", MountsRequest.Parser, async (request, call) =>
            new MountsResponse { Mounts = { ToMessage(await snapshotter.MountsAsync(request.Key, call.Cancellation)) } })
        .Unary("Commit", CommitSnapshotRequest.Parser, (request, call) =>
        {
            snapshotter.Commit(request.Name, request.Key, Labels(request.Labels), call.Cancellation);
            return Task.FromResult(new Empty());
        })
        .Unary("Remove", RemoveSnapshotRequest.Parser, async (request, _) =>
        {
            await snapshotter.RemoveAsync(request.Key);
            return new Empty();
        })
        .Unary("Stat", StatSnapshotRequest.Parser, (request, _) =>
            Task.FromResult(new StatSnapshotResponse { Info = ToMessage(snapshotter.Stat(request.Key)) }))
        .Unary("Update", UpdateSnapshotRequest.Parser, (request, _) =>
        {
            Info info = request.Info ?? new Info();
            SnapshotInfo updated = snapshotter.Update(info.Name, Labels(info.Labels), request.UpdateMask?.Paths.ToArray() ?? []);
            return Task.FromResult(new UpdateSnapshotResponse { Info = ToMessage(updated) });
        })
        .ServerStreaming("List", ListSnapshotsRequest.Parser, (request, _) => ListAsync(snapshotter, request))
        .Unary("Usage", UsageRequest.Parser, (request, call) =>
        {
            SnapshotUsage usage = snapshotter.Usage(request.Key, call.Cancellation);
            return Task.FromResult(new UsageResponse { Size = usage.Size, Inodes = usage.Inodes });
        })
        .Unary("Cleanup", CleanupRequest.Parser, (_, _) =>
        {
            snapshotter.Cleanup();
            return Task.FromResult(new Empty());
        });

    private static async IAsyncEnumerable<ListSnapshotsResponse> ListAsync(Snapshotter snapshotter, ListSnapshotsRequest request)
    {
        await Task.CompletedTask;
        foreach (SnapshotInfo[] block in snapshotter.List(request.Filters).Chunk(ListBlock))
        {
            yield return new ListSnapshotsResponse { Info = { block.Select(ToMessage) } };
        }
    }

    private static Dictionary<string, string> Labels(IDictionary<string, string> labels) => new(labels, StringComparer.Ordinal);

    private static Mount ToMessage(SnapshotMount mount) => new() { Type = mount.Type, Source = mount.Source, Options = { mount.Options } };

    private static Info ToMessage(SnapshotInfo info)
    {
        Info message = new()
        {
            Name = info.Name,
            Parent = info.Parent,
            Kind = (Kind)info.Kind,
            CreatedAt = Timestamp.FromDateTimeOffset(info.Created),
            UpdatedAt = Timestamp.FromDateTimeOffset(info.Updated),
        };
        message.Labels.Add(info.Labels.ToDictionary(StringComparer.Ordinal));
        return message;
    }
}
