using Sluice.Formats;

namespace Sluice.Containerd.Grpc;

/// <summary>
/// A gRPC call that did not end with <see cref="GrpcStatusCode.Ok"/>. Handlers throw it to choose the status; the client
/// throws it with the status that the server sent, or with <see cref="GrpcStatusCode.Unavailable"/> when nobody answered.
/// </summary>
public sealed class GrpcException : SluiceException
{
    /// <param name="detail">The <c>grpc-message</c>.</param>
    /// <param name="peer">Who ended the call so, e.g. <c>containerd at /run/containerd/containerd.sock</c>.</param>
    public GrpcException(GrpcStatusCode status, string detail, string peer = "grpc", string? hint = null, Exception? inner = null)
        : base(ErrorOf(status), peer, detail.Length == 0 ? status.ToString() : detail, hint, inner)
    {
        Status = status;
        Detail = detail;
    }

    public GrpcStatusCode Status { get; }

    /// <summary>The message alone, without the culprit.</summary>
    public string Detail { get; }

    private static SluiceError ErrorOf(GrpcStatusCode status) => status switch
    {
        GrpcStatusCode.NotFound => SluiceError.NotFound,
        GrpcStatusCode.InvalidArgument or GrpcStatusCode.OutOfRange => SluiceError.Usage,
        GrpcStatusCode.DeadlineExceeded => SluiceError.Timeout,
        GrpcStatusCode.Unauthenticated or GrpcStatusCode.PermissionDenied => SluiceError.Unauthorized,
        GrpcStatusCode.DataLoss => SluiceError.Image,
        _ => SluiceError.Runtime,
    };
}
