using Sluice.Formats;

namespace Sluice.Containerd.Grpc;

/// <summary>Status and message of a finished call, and how exceptions of handlers become one.</summary>
internal readonly record struct GrpcStatus(GrpcStatusCode Code, string Message)
{
    public static readonly GrpcStatus Ok = new(GrpcStatusCode.Ok, "");

    /// <summary>
    /// What the caller of a failed handler reads. A <see cref="SluiceException"/> keeps its culprit and hint, because this
    /// message is all that a user of <c>ctr</c> or of a pod sees. AlreadyExists is never made from one: containerd takes
    /// that code as a success of remote snapshots.
    /// </summary>
    public static GrpcStatus FromException(Exception exception) => exception switch
    {
        GrpcException grpc => new(grpc.Status, WithHint(grpc.Detail, grpc.Hint)),
        SluiceException sluice => new(CodeOf(sluice.Error), WithHint(sluice.Message, sluice.Hint)),
        OperationCanceledException => new(GrpcStatusCode.Cancelled, "the call was cancelled"),
        NotImplementedException => new(GrpcStatusCode.Unimplemented, exception.Message),
        _ => new(GrpcStatusCode.Internal, $"{exception.GetType().Name}: {exception.Message}"),
    };

    private static GrpcStatusCode CodeOf(SluiceError error) => error switch
    {
        SluiceError.Usage => GrpcStatusCode.InvalidArgument,
        SluiceError.Configuration => GrpcStatusCode.FailedPrecondition,
        SluiceError.Image => GrpcStatusCode.DataLoss,
        SluiceError.NotFound => GrpcStatusCode.NotFound,
        SluiceError.Unauthorized => GrpcStatusCode.Unauthenticated,
        SluiceError.Source or SluiceError.Timeout => GrpcStatusCode.Unavailable,
        _ => GrpcStatusCode.Internal,
    };

    private static string WithHint(string message, string? hint) => hint is null ? message : $"{message} ({hint})";
}
