using Sluice.Containerd.Grpc;

namespace Sluice.Containerd.Snapshots;

/// <summary>The errors of the snapshots API. containerd decides by these codes what to do next.</summary>
internal static class SnapshotErrors
{
    public static GrpcException NotFound(string name) => new(GrpcStatusCode.NotFound, $"snapshot {name} does not exist");

    public static GrpcException ParentNotFound(string name) => new(GrpcStatusCode.NotFound, $"parent snapshot {name} does not exist");

    public static GrpcException AlreadyExists(string name) => new(GrpcStatusCode.AlreadyExists, $"snapshot {name} already exists");

    public static GrpcException ParentNotCommitted(string name) => new(GrpcStatusCode.InvalidArgument, $"parent snapshot {name} is not committed");

    public static GrpcException Immutable(string field, string name) => new(GrpcStatusCode.InvalidArgument, $"cannot update {field} of snapshot {name}");

    public static GrpcException EmptyKey() => new(GrpcStatusCode.InvalidArgument, "the key of a snapshot may not be empty");

    public static GrpcException HasChildren(string name) => new(GrpcStatusCode.FailedPrecondition, $"cannot remove snapshot {name}: it has children");

    public static GrpcException NotActive(string name) => new(GrpcStatusCode.FailedPrecondition, $"snapshot {name} is not active");

    public static GrpcException NotMountable(string name) => new(GrpcStatusCode.FailedPrecondition, $"snapshot {name} is committed, it has no mounts");

    public static GrpcException DirectoryLost(string name, string directory) =>
        new(GrpcStatusCode.FailedPrecondition, $"snapshot {name} has lost its directory {directory}", hint: "remove the image and its containers, then pull it again");

    public static GrpcException NoSuchMode(string name, string mode) =>
        new(GrpcStatusCode.InvalidArgument, $"snapshot {name} asks with the label {SnapshotLabels.Writable} for '{mode}'", hint: $"there are: {Lazy.WriteModes.Names}");

    public static GrpcException NoDevice(string name) =>
        new(GrpcStatusCode.InvalidArgument, $"snapshot {name} asks with the label {SnapshotLabels.Writable} for a disk, but it does not stand on a lazily served block image", hint: "convert the image first: sluice convert --format overlaybd; and pull it with the Sluice snapshotter");

    public static GrpcException HasDisk(string name) =>
        new(GrpcStatusCode.FailedPrecondition, $"snapshot {name} writes to a disk of its own, which can't become a layer of directories", hint: "make an image of its container: sluice commit CONTAINER DST");

    public static GrpcException DataLayer(string name, string image) =>
        new(GrpcStatusCode.FailedPrecondition, $"snapshot {name} is a data layer of the lazy image {image}", hint: "only the whole image can be mounted");
}
