using System.Buffers;
using System.Net;

namespace Sluice.Storage.Sources.Registries;

/// <summary>A request body of known length that keeps its transfer's timer going while bytes leave.</summary>
internal sealed class ProgressContent : HttpContent
{
    private const int PieceSize = 128 << 10;

    /// <summary>After the last byte a registry may hash and move the whole blob before it answers.</summary>
    private const int PatienceAtEnd = 6;

    private readonly ReadOnlyMemory<byte> _memory;
    private readonly Stream? _stream;
    private readonly long _length;
    private readonly StallTimer _timer;

    public ProgressContent(ReadOnlyMemory<byte> content, StallTimer timer)
    {
        _memory = content;
        _length = content.Length;
        _timer = timer;
        Headers.ContentType = new("application/octet-stream");
    }

    /// <param name="content">Read once, so that a request with it can't be repeated. Not disposed.</param>
    public ProgressContent(Stream content, long length, StallTimer timer)
        : this(default, timer)
    {
        _stream = content;
        _length = length;
    }

    protected override Task SerializeToStreamAsync(Stream stream, TransportContext? context) => SerializeToStreamAsync(stream, context, CancellationToken.None);

    protected override async Task SerializeToStreamAsync(Stream stream, TransportContext? context, CancellationToken cancellationToken)
    {
        if (_stream is null)
        {
            for (int at = 0; at < _memory.Length; at += PieceSize)
            {
                await stream.WriteAsync(_memory.Slice(at, Math.Min(PieceSize, _memory.Length - at)), cancellationToken).ConfigureAwait(false);
                _timer.Restart();
            }
        }
        else
        {
            await CopyAsync(_stream, stream, cancellationToken).ConfigureAwait(false);
        }

        _timer.Restart(PatienceAtEnd);
    }

    protected override bool TryComputeLength(out long length)
    {
        length = _length;
        return true;
    }

    private async Task CopyAsync(Stream from, Stream to, CancellationToken cancellation)
    {
        byte[] buffer = ArrayPool<byte>.Shared.Rent(PieceSize);
        try
        {
            while (true)
            {
                // The source has deadlines of its own.
                _timer.Pause();
                int read = await from.ReadAsync(buffer.AsMemory(0, PieceSize), cancellation).ConfigureAwait(false);
                if (read == 0) return;
                _timer.Restart();
                await to.WriteAsync(buffer.AsMemory(0, read), cancellation).ConfigureAwait(false);
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }
}
