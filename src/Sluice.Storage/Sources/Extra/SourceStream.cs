using Sluice.Formats;
using Sluice.Formats.Oci;

namespace Sluice.Storage.Sources.Extra;

/// <summary>A blob of a source that only knows ranges, from its beginning to its end.</summary>
internal sealed class SourceStream : ForwardStream
{
    private const int Step = 1 << 20;

    private readonly IBlobSource _source;
    private readonly Descriptor _blob;
    private readonly byte[] _buffer;
    private long _position;
    private int _at;
    private int _filled;

    private SourceStream(IBlobSource source, Descriptor blob) => (_source, _blob, _buffer) = (source, blob, new byte[(int)Math.Min(Step, blob.Size)]);

    public override long Length => _blob.Size;

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

    private async Task FillAsync(CancellationToken cancellation)
    {
        int length = (int)Math.Min(_buffer.Length, _blob.Size - _position);
        if (length > 0) await _source.ReadAsync(_blob.Digest, _position, _buffer.AsMemory(0, length), cancellation).ConfigureAwait(false);
        _position += length;
        (_at, _filled) = (0, length);
    }
}
