using System.Threading.Channels;
using Sluice.Build.Convert;
using Sluice.Formats.OverlayBd;
using Sluice.Formats.OverlayBd.ZFile;

namespace Sluice.Build.OverlayBd;

/// <summary>
/// Compresses what is written to it on the threads of a pipeline; another thread, in <see cref="WriteTo"/>, appends the blocks
/// to the file in their order.
/// </summary>
internal sealed class ZFileCompressor(Pipeline<ZFileBatch> pipeline, CancellationToken cancellation) : OutputStream
{
    private readonly Channel<ZFileBatch> _order = Channel.CreateUnbounded<ZFileBatch>(new UnboundedChannelOptions { SingleReader = true, SingleWriter = true });
    private ZFileBatch? _batch;

    public static Pipeline<ZFileBatch> NewPipeline(ZFileBlockCodec codec, int threads) => new(() => new ZFileBatch(codec), threads + 8, threads);

    public override void Write(ReadOnlySpan<byte> buffer)
    {
        while (!buffer.IsEmpty)
        {
            if (_batch is null)
            {
                _batch = pipeline.Rent(cancellation);
                _batch.Length = 0;
            }

            int taken = Math.Min(buffer.Length, _batch.Free.Length);
            buffer[..taken].CopyTo(_batch.Free);
            _batch.Length += taken;
            buffer = buffer[taken..];
            if (_batch.Free.IsEmpty) Submit();
        }
    }

    /// <summary>Nothing is written any more.</summary>
    public void Complete()
    {
        if (_batch is not null) Submit();
        _order.Writer.Complete();
    }

    /// <summary>Appends the compressed blocks until <see cref="Complete"/> was called.</summary>
    public void WriteTo(ZFileWriter writer) => pipeline.Drain(_order.Reader, batch => batch.AppendTo(writer), cancellation);

    private void Submit()
    {
        pipeline.Submit(_batch!, _order.Writer);
        _batch = null;
    }
}
