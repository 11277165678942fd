using Google.Protobuf;

namespace Sluice.Containerd.Grpc;

/// <summary>A method as the client sees it.</summary>
/// <param name="Path"><c>/package.Service/Method</c>.</param>
public sealed record GrpcMethod<TRequest, TResponse>(string Path, MessageParser<TResponse> ResponseParser)
    where TRequest : class, IMessage<TRequest>
    where TResponse : class, IMessage<TResponse>;
