using Sluice.Formats.Oci;

namespace Sluice.Storage.Sources.Extra;

/// <summary>A blob of a source that only knows ranges, from its beginning to its end.</summary>
internal sealed class SourceStream : Stream
{
    private const int Step = 1 << 20;

    private readonly IBlobSource _source;
    private readonly Descriptor _blob;
    private readonly byte[] _buffer;
    private long _position;
    private int _at;
    private int _filled;

    private SourceStream(IBlobSource source, Descriptor blob) => (_source, _blob, _buffer) = (source, blob, new byte[(int)Math.Min(Step, blob.Size)]);

    public override bool CanRead => true;

    public override bool CanSeek => false;

    public override bool CanWrite => false;

    public override long Length => _blob.Size;

    public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }

    /// <summary>Opens it with the first bytes here, so that a missing blob is an error now and not in the middle of a reader. Checked at its end.</summary>
    public static async Task<Stream> OpenAsync(IBlobSource source, Descriptor blob, CancellationToken cancellation)
    {
        SourceStream stream = new(source, blob);
        await stream.FillAsync(cancellation).ConfigureAwait(false);
        return new VerifyingStream(stream, blob, source.Name, () => source.Reject(blob.Digest));
    }

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        if (_at == _filled) await FillAsync(cancellationToken).ConfigureAwait(false);
        int length = Math.Min(buffer.Length, _filled - _at);
        _buffer.AsSpan(_at, length).CopyTo(buffer.Span);
        _at += length;
        return length;
    }

    public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    public override int Read(byte[] buffer, int offset, int count) => ReadAsync(buffer.AsMemory(offset, count)).AsTask().GetAwaiter().GetResult();

    public override void Flush()
    {
    }

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    private async Task FillAsync(CancellationToken cancellation)
    {
        int length = (int)Math.Min(_buffer.Length, _blob.Size - _position);
        if (length > 0) await _source.ReadAsync(_blob.Digest, _position, _buffer.AsMemory(0, length), cancellation).ConfigureAwait(false);
        _position += length;
        (_at, _filled) = (0, length);
    }
}
