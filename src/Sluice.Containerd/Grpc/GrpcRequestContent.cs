using System.IO.Pipelines;
using System.Net;
using System.Net.Http.Headers;

namespace Sluice.Containerd.Grpc;

/// <summary>A request body that is sent while it is being written: what comes out of <paramref name="body"/> goes onto the wire at once.</summary>
internal sealed class GrpcRequestContent : HttpContent
{
    private readonly PipeReader _body;

    public GrpcRequestContent(PipeReader body)
    {
        _body = body;
        Headers.ContentType = new MediaTypeHeaderValue(GrpcHeaders.ContentType);
    }

    protected override Task SerializeToStreamAsync(Stream stream, TransportContext? context) => SerializeToStreamAsync(stream, context, default);

    protected override async Task SerializeToStreamAsync(Stream stream, TransportContext? context, CancellationToken cancellationToken)
    {
        try
        {
            // The headers must leave before the first message: a server that answers early is otherwise never asked.
            await stream.FlushAsync(cancellationToken);
            while (true)
            {
                ReadResult result = await _body.ReadAsync(cancellationToken);
                foreach (ReadOnlyMemory<byte> segment in result.Buffer) await stream.WriteAsync(segment, cancellationToken);
                _body.AdvanceTo(result.Buffer.End);
                await stream.FlushAsync(cancellationToken);
                if (result.IsCompleted) break;
            }
        }
        finally
        {
            // Wakes a writer that waits for room, also when the call has ended early.
            await _body.CompleteAsync();
        }
    }

    protected override bool TryComputeLength(out long length)
    {
        length = 0;
        return false;
    }
}
