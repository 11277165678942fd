using System.Net;
using System.Net.Sockets;
using System.Runtime.CompilerServices;
using Google.Protobuf;

namespace Sluice.Containerd.Grpc;

/// <summary>
/// A gRPC client on a unix socket. Connects when first used and again after the server was restarted; all members may be
/// called concurrently. A call that fails ends in a <see cref="GrpcException"/> that names <paramref name="peer"/>.
/// </summary>
/// <param name="socketPath">Absolute path of the server's socket.</param>
/// <param name="peer">What errors call the server, e.g. <c>containerd at /run/containerd/containerd.sock</c>.</param>
/// <param name="maxMessageLength">Longest response message in bytes.</param>
public sealed class GrpcChannel(string socketPath, string peer, int maxMessageLength = 16 << 20) : IDisposable
{
    private readonly HttpClient _http = CreateClient(socketPath);

    public string SocketPath { get; } = socketPath;

    /// <summary>One request, one response.</summary>
    public async Task<TResponse> UnaryAsync<TRequest, TResponse>(
        GrpcMethod<TRequest, TResponse> method, TRequest request, GrpcCallOptions options, CancellationToken cancellation)
        where TRequest : class, IMessage<TRequest>
        where TResponse : class, IMessage<TResponse>
    {
        await using GrpcClientStream<TRequest, TResponse> call = Open(method, options, cancellation);
        await call.WriteAsync(request);
        await call.CompleteAsync();
        TResponse response = await call.ReadAsync() ?? throw new GrpcException(GrpcStatusCode.Internal, "the response holds no message", peer);
        return await call.ReadAsync() is null
            ? response
            : throw new GrpcException(GrpcStatusCode.Internal, "the response holds more than one message", peer);
    }

    /// <summary>One request, any number of responses.</summary>
    public async IAsyncEnumerable<TResponse> ServerStreamingAsync<TRequest, TResponse>(
        GrpcMethod<TRequest, TResponse> method, TRequest request, GrpcCallOptions options,
        [EnumeratorCancellation] CancellationToken cancellation = default)
        where TRequest : class, IMessage<TRequest>
        where TResponse : class, IMessage<TResponse>
    {
        await using GrpcClientStream<TRequest, TResponse> call = Open(method, options, cancellation);
        await call.WriteAsync(request);
        await call.CompleteAsync();
        while (await call.ReadAsync() is { } response) yield return response;
    }

    /// <summary>Opens a call whose two directions the caller drives. Disposing it before its end cancels it.</summary>
    public GrpcClientStream<TRequest, TResponse> Open<TRequest, TResponse>(
        GrpcMethod<TRequest, TResponse> method, GrpcCallOptions options, CancellationToken cancellation)
        where TRequest : class, IMessage<TRequest>
        where TResponse : class, IMessage<TResponse> => new(_http, method, options, peer, maxMessageLength, cancellation);

    public void Dispose() => _http.Dispose();

    private static HttpClient CreateClient(string socketPath)
    {
        SocketsHttpHandler handler = new()
        {
            EnableMultipleHttp2Connections = true,
            UseProxy = false,
            UseCookies = false,
            AllowAutoRedirect = false,
            AutomaticDecompression = DecompressionMethods.None,
            PooledConnectionIdleTimeout = Timeout.InfiniteTimeSpan,
            ActivityHeadersPropagator = null,
            ConnectCallback = async (_, cancellation) =>
            {
                Socket socket = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
                try
                {
                    await socket.ConnectAsync(new UnixDomainSocketEndPoint(socketPath), cancellation);
                    return new NetworkStream(socket, ownsSocket: true);
                }
                catch
                {
                    socket.Dispose();
                    throw;
                }
            },
        };
        return new HttpClient(handler)
        {
            BaseAddress = new Uri("http://localhost"),
            Timeout = Timeout.InfiniteTimeSpan,
            DefaultRequestVersion = HttpVersion.Version20,
            DefaultVersionPolicy = HttpVersionPolicy.RequestVersionExact,
        };
    }
}
