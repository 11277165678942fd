using System.Buffers;
using System.IO.Pipelines;
using System.Net;
using System.Net.Http.Headers;

namespace Sluice.Containerd.Grpc;

/// <summary>
/// A request body that is sent while it is being written: what comes out of <paramref name="body"/> goes onto the wire at once. A server that closes its connection without having looked at
/// the request gets it again on the next one, from the client's own library; so what was sent is kept, while it is not much.
/// </summary>
internal sealed class GrpcRequestContent : HttpContent
{
    /// <summary>Longer bodies are sent once.</summary>
    private const int MostKept = 64 << 10;

    private readonly PipeReader _body;
    private readonly ArrayBufferWriter<byte> _sent = new();
    private readonly SemaphoreSlim _turn = new(1); // the former try may still be about to end
    private readonly Lock _gate = new();
    private bool _isSending, _isLost, _hasEnded, _isSettled;

    public GrpcRequestContent(PipeReader body)
    {
        _body = body;
        Headers.ContentType = new MediaTypeHeaderValue(GrpcHeaders.ContentType);
    }

    /// <summary>The server has answered, or the call has failed: it is not sent again. Wakes a writer that waits for room once nothing is sent any more.</summary>
    public void Settle()
    {
        lock (_gate)
        {
            _isSettled = true;
            if (_isSending) return;
        }

        _body.Complete();
    }

    protected override Task SerializeToStreamAsync(Stream stream, TransportContext? context) => SerializeToStreamAsync(stream, context, default);

    protected override async Task SerializeToStreamAsync(Stream stream, TransportContext? context, CancellationToken cancellationToken)
    {
        await _turn.WaitAsync(cancellationToken);
        lock (_gate)
        {
            if (_isSettled) throw new IOException("the call has ended");
            _isSending = true;
        }

        try
        {
            if (_isLost) throw new IOException("the server has closed the connection in the middle of the request");

            // The headers must leave before the first message: a server that answers early is otherwise never asked.
            await stream.FlushAsync(cancellationToken);
            if (_sent.WrittenCount > 0) await SendAsync(stream, _sent.WrittenMemory, cancellationToken);
            while (!_hasEnded)
            {
                ReadResult result = await _body.ReadAsync(cancellationToken);
                _isLost |= _sent.WrittenCount + result.Buffer.Length > MostKept;
                if (_isLost) await SendOnceAsync(stream, result, cancellationToken);
                else await SendAsync(stream, Keep(result), cancellationToken);
            }
        }
        finally
        {
            EndTry();
        }
    }

    protected override bool TryComputeLength(out long length)
    {
        length = 0;
        return false;
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing) _turn.Dispose();
        base.Dispose(disposing);
    }

    private ReadOnlyMemory<byte> Keep(ReadResult result)
    {
        int from = _sent.WrittenCount;
        foreach (ReadOnlyMemory<byte> segment in result.Buffer) _sent.Write(segment.Span);
        _body.AdvanceTo(result.Buffer.End);
        _hasEnded = result.IsCompleted;
        return _sent.WrittenMemory[from..];
    }

    private async Task SendOnceAsync(Stream stream, ReadResult result, CancellationToken cancellation)
    {
        foreach (ReadOnlyMemory<byte> segment in result.Buffer) await stream.WriteAsync(segment, cancellation);
        _body.AdvanceTo(result.Buffer.End);
        _hasEnded = result.IsCompleted;
        await stream.FlushAsync(cancellation);
    }

    private static async Task SendAsync(Stream stream, ReadOnlyMemory<byte> content, CancellationToken cancellation)
    {
        await stream.WriteAsync(content, cancellation);
        await stream.FlushAsync(cancellation);
    }

    private void EndTry()
    {
        bool isSettled;
        lock (_gate) (_isSending, isSettled) = (false, _isSettled);
        if (isSettled) _body.Complete();
        _turn.Release();
    }
}
