using System.IO.Pipelines;
using Google.Protobuf;

namespace Sluice.Containerd.Grpc;

/// <summary>The methods of one gRPC service and who handles them. Filled before the server starts, read-only afterwards.</summary>
/// <param name="name">Full name, e.g. <c>containerd.services.snapshots.v1.Snapshots</c>.</param>
public sealed class GrpcService(string name)
{
    internal delegate Task Handler(GrpcCall call, PipeReader input, PipeWriter output, int limit);

    private readonly Dictionary<string, Handler> _methods = new(StringComparer.Ordinal);

    public string Name { get; } = name;

    internal IEnumerable<KeyValuePair<string, Handler>> Paths => _methods.Select(method => KeyValuePair.Create($"/{Name}/{method.Key}", method.Value));

    /// <summary>One request, one response.</summary>
    public GrpcService Unary<TRequest, TResponse>(string method, MessageParser<TRequest> parser, Func<TRequest, GrpcCall, Task<TResponse>> handler)
        where TRequest : class, IMessage<TRequest>
        where TResponse : class, IMessage<TResponse>
    {
        _methods.Add(method, async (call, input, output, limit) =>
        {
            TRequest request = await ReadOnlyMessageAsync(input, parser, limit, call.Cancellation);
            await WriteAsync(output, await handler(request, call), call.Cancellation);
        });
        return this;
    }

    /// <summary>One request, any number of responses; each is flushed as it is written.</summary>
    public GrpcService ServerStreaming<TRequest, TResponse>(
        string method, MessageParser<TRequest> parser, Func<TRequest, GrpcCall, IAsyncEnumerable<TResponse>> handler)
        where TRequest : class, IMessage<TRequest>
        where TResponse : class, IMessage<TResponse>
    {
        _methods.Add(method, async (call, input, output, limit) =>
        {
            TRequest request = await ReadOnlyMessageAsync(input, parser, limit, call.Cancellation);
            await foreach (TResponse response in handler(request, call).WithCancellation(call.Cancellation))
            {
                await WriteAsync(output, response, call.Cancellation);
            }
        });
        return this;
    }

    /// <summary>Any number of requests, one response. The handler may answer before it has read all requests.</summary>
    public GrpcService ClientStreaming<TRequest, TResponse>(
        string method, MessageParser<TRequest> parser, Func<IAsyncEnumerable<TRequest>, GrpcCall, Task<TResponse>> handler)
        where TRequest : class, IMessage<TRequest>
        where TResponse : class, IMessage<TResponse>
    {
        _methods.Add(method, async (call, input, output, limit) =>
            await WriteAsync(output, await handler(ReadAllAsync(input, parser, limit, call.Cancellation), call), call.Cancellation));
        return this;
    }

    /// <summary>Any number of requests and responses, in any order.</summary>
    public GrpcService Duplex<TRequest, TResponse>(
        string method, MessageParser<TRequest> parser, Func<IAsyncEnumerable<TRequest>, GrpcCall, IAsyncEnumerable<TResponse>> handler)
        where TRequest : class, IMessage<TRequest>
        where TResponse : class, IMessage<TResponse>
    {
        _methods.Add(method, async (call, input, output, limit) =>
        {
            await foreach (TResponse response in handler(ReadAllAsync(input, parser, limit, call.Cancellation), call).WithCancellation(call.Cancellation))
            {
                await WriteAsync(output, response, call.Cancellation);
            }
        });
        return this;
    }

    private static async Task<T> ReadOnlyMessageAsync<T>(PipeReader input, MessageParser<T> parser, int limit, CancellationToken cancellation)
        where T : class, IMessage<T>
    {
        GrpcMessageReader<T> reader = new(input, parser, limit);
        T message = await reader.ReadAsync(cancellation) ?? throw new GrpcException(GrpcStatusCode.Internal, "the request holds no message");
        return await reader.ReadAsync(cancellation) is null
            ? message
            : throw new GrpcException(GrpcStatusCode.Internal, "the request holds more than one message");
    }

    private static async IAsyncEnumerable<T> ReadAllAsync<T>(
        PipeReader input, MessageParser<T> parser, int limit, [System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken cancellation)
        where T : class, IMessage<T>
    {
        GrpcMessageReader<T> reader = new(input, parser, limit);
        while (await reader.ReadAsync(cancellation) is { } message) yield return message;
    }

    private static async ValueTask WriteAsync(PipeWriter output, IMessage message, CancellationToken cancellation)
    {
        GrpcFrame.Write(output, message);
        await output.FlushAsync(cancellation);
    }
}
