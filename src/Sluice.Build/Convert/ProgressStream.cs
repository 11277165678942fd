using Sluice.Formats;

namespace Sluice.Build.Convert;

/// <summary>Tells how far a stream has been read, once per mebibyte.</summary>
internal sealed class ProgressStream(Stream inner, Action<long> report) : ForwardStream
{
    private const long Step = 1 << 20;
    private long _position;
    private long _reported;

    public override long Position
    {
        get => _position;
        set => throw new NotSupportedException();
    }

    public override int Read(Span<byte> buffer) => Advance(inner.Read(buffer));

    public override int Read(byte[] buffer, int offset, int count) => Read(buffer.AsSpan(offset, count));

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) =>
        Advance(await inner.ReadAsync(buffer, cancellationToken));

    protected override void Dispose(bool disposing)
    {
        if (disposing) inner.Dispose();
        base.Dispose(disposing);
    }

    private int Advance(int read)
    {
        _position += read;
        if (_position - _reported >= Step || read == 0)
        {
            _reported = _position;
            report(_position);
        }

        return read;
    }
}
