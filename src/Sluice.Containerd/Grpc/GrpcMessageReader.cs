using System.Buffers;
using System.IO.Pipelines;
using Google.Protobuf;

namespace Sluice.Containerd.Grpc;

/// <summary>Reads the messages of one direction of a call.</summary>
/// <param name="limit">Longest message in bytes.</param>
internal sealed class GrpcMessageReader<T>(PipeReader input, MessageParser<T> parser, int limit)
    where T : class, IMessage<T>
{
    /// <summary>The next message, or null when the sender has ended the stream.</summary>
    public async ValueTask<T?> ReadAsync(CancellationToken cancellation)
    {
        while (true)
        {
            ReadResult result = await input.ReadAsync(cancellation);
            ReadOnlySequence<byte> buffer = result.Buffer;
            if (GrpcFrame.TryRead(ref buffer, limit, out ReadOnlySequence<byte> frame))
            {
                T message = Parse(frame);
                input.AdvanceTo(buffer.Start);
                return message;
            }

            input.AdvanceTo(buffer.Start, buffer.End);
            if (!result.IsCompleted) continue;
            return buffer.IsEmpty ? null : throw new GrpcException(GrpcStatusCode.Internal, "the stream ended inside a message");
        }
    }

    private T Parse(ReadOnlySequence<byte> frame)
    {
        try
        {
            return parser.ParseFrom(frame);
        }
        catch (InvalidProtocolBufferException exception)
        {
            throw new GrpcException(GrpcStatusCode.Internal, $"malformed {typeof(T).Name}: {exception.Message}", inner: exception);
        }
    }
}
