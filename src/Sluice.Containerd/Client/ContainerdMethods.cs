using Google.Protobuf.WellKnownTypes;
using Sluice.Containerd.Grpc;
using Sluice.Containerd.Protos.Containers;
using Sluice.Containerd.Protos.Content;
using Sluice.Containerd.Protos.Images;
using Sluice.Containerd.Protos.Leases;
using Sluice.Containerd.Protos.Namespaces;
using Sluice.Containerd.Protos.Snapshots;
using Sluice.Containerd.Protos.Tasks;
using Sluice.Containerd.Protos.Version;

namespace Sluice.Containerd.Client;

/// <summary>The methods of containerd's API that are used here.</summary>
internal static class ContainerdMethods
{
    private const string Snapshots = "/containerd.services.snapshots.v1.Snapshots/";
    private const string Tasks = "/containerd.services.tasks.v1.Tasks/";
    private const string Content = "/containerd.services.content.v1.Content/";
    private const string Images = "/containerd.services.images.v1.Images/";
    private const string Leases = "/containerd.services.leases.v1.Leases/";
    private const string Namespaces = "/containerd.services.namespaces.v1.Namespaces/";

    public static readonly GrpcMethod<Empty, VersionResponse> Version = new("/containerd.services.version.v1.Version/Version", VersionResponse.Parser);

    public static readonly GrpcMethod<ListNamespacesRequest, ListNamespacesResponse> ListNamespaces = new(Namespaces + "List", ListNamespacesResponse.Parser);
    public static readonly GrpcMethod<CreateNamespaceRequest, CreateNamespaceResponse> CreateNamespace = new(Namespaces + "Create", CreateNamespaceResponse.Parser);

    public static readonly GrpcMethod<GetContainerRequest, GetContainerResponse> GetContainer = new("/containerd.services.containers.v1.Containers/Get", GetContainerResponse.Parser);
    public static readonly GrpcMethod<GetRequest, GetResponse> GetTask = new(Tasks + "Get", GetResponse.Parser);
    public static readonly GrpcMethod<PauseTaskRequest, Empty> PauseTask = new(Tasks + "Pause", Empty.Parser);
    public static readonly GrpcMethod<ResumeTaskRequest, Empty> ResumeTask = new(Tasks + "Resume", Empty.Parser);

    public static readonly GrpcMethod<InfoRequest, InfoResponse> ContentInfo = new(Content + "Info", InfoResponse.Parser);
    public static readonly GrpcMethod<UpdateRequest, UpdateResponse> ContentUpdate = new(Content + "Update", UpdateResponse.Parser);
    public static readonly GrpcMethod<ListContentRequest, ListContentResponse> ContentList = new(Content + "List", ListContentResponse.Parser);
    public static readonly GrpcMethod<DeleteContentRequest, Empty> ContentDelete = new(Content + "Delete", Empty.Parser);
    public static readonly GrpcMethod<ReadContentRequest, ReadContentResponse> ContentRead = new(Content + "Read", ReadContentResponse.Parser);
    public static readonly GrpcMethod<WriteContentRequest, WriteContentResponse> ContentWrite = new(Content + "Write", WriteContentResponse.Parser);
    public static readonly GrpcMethod<AbortRequest, Empty> ContentAbort = new(Content + "Abort", Empty.Parser);

    public static readonly GrpcMethod<GetImageRequest, GetImageResponse> GetImage = new(Images + "Get", GetImageResponse.Parser);
    public static readonly GrpcMethod<ListImagesRequest, ListImagesResponse> ListImages = new(Images + "List", ListImagesResponse.Parser);
    public static readonly GrpcMethod<CreateImageRequest, CreateImageResponse> CreateImage = new(Images + "Create", CreateImageResponse.Parser);
    public static readonly GrpcMethod<UpdateImageRequest, UpdateImageResponse> UpdateImage = new(Images + "Update", UpdateImageResponse.Parser);
    public static readonly GrpcMethod<DeleteImageRequest, Empty> DeleteImage = new(Images + "Delete", Empty.Parser);

    public static readonly GrpcMethod<CreateRequest, CreateResponse> CreateLease = new(Leases + "Create", CreateResponse.Parser);
    public static readonly GrpcMethod<DeleteRequest, Empty> DeleteLease = new(Leases + "Delete", Empty.Parser);
    public static readonly GrpcMethod<ListRequest, ListResponse> ListLeases = new(Leases + "List", ListResponse.Parser);
    public static readonly GrpcMethod<AddResourceRequest, Empty> AddLeaseResource = new(Leases + "AddResource", Empty.Parser);

    public static readonly GrpcMethod<PrepareSnapshotRequest, PrepareSnapshotResponse> PrepareSnapshot = new(Snapshots + "Prepare", PrepareSnapshotResponse.Parser);
    public static readonly GrpcMethod<ViewSnapshotRequest, ViewSnapshotResponse> ViewSnapshot = new(Snapshots + "View", ViewSnapshotResponse.Parser);
    public static readonly GrpcMethod<MountsRequest, MountsResponse> SnapshotMounts = new(Snapshots + "Mounts", MountsResponse.Parser);
    public static readonly GrpcMethod<CommitSnapshotRequest, Empty> CommitSnapshot = new(Snapshots + "Commit", Empty.Parser);
    public static readonly GrpcMethod<RemoveSnapshotRequest, Empty> RemoveSnapshot = new(Snapshots + "Remove", Empty.Parser);
    public static readonly GrpcMethod<StatSnapshotRequest, StatSnapshotResponse> StatSnapshot = new(Snapshots + "Stat", StatSnapshotResponse.Parser);
    public static readonly GrpcMethod<ListSnapshotsRequest, ListSnapshotsResponse> ListSnapshots = new(Snapshots + "List", ListSnapshotsResponse.Parser);
    public static readonly GrpcMethod<UsageRequest, UsageResponse> SnapshotUsage = new(Snapshots + "Usage", UsageResponse.Parser);
}
