using System.Security.Cryptography;
using Sluice.Formats;
using Sluice.Formats.Oci;

namespace Sluice.Storage.Sources;

/// <summary>
/// A forward-only stream of exactly the bytes that a descriptor promises. The read that would deliver the last byte throws
/// instead when the digest is wrong; the read that meets an early end throws, too.
/// </summary>
/// <param name="inner">The bytes; disposed with this stream. What it holds beyond the promised size is not read.</param>
/// <param name="origin">The culprit of errors.</param>
/// <param name="onWrong">Told before the digest's error is thrown, so that the next try goes elsewhere.</param>
internal sealed class VerifyingStream(Stream inner, Descriptor blob, string origin, Action? onWrong = null) : ForwardStream
{
    private readonly IncrementalHash _hash = blob.Digest.NewHash();
    private long _position;
    private bool _verified;

    public override long Length => blob.Size;

    public override long Position { get => _position; set => throw new NotSupportedException(); }

    public override int Read(Span<byte> buffer)
    {
        int wanted = (int)Math.Min(buffer.Length, blob.Size - _position);
        int read = wanted == 0 ? 0 : inner.Read(buffer[..wanted]);
        Accept(buffer[..read], wanted);
        return read;
    }

    public override int Read(byte[] buffer, int offset, int count) => Read(buffer.AsSpan(offset, count));

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        int wanted = (int)Math.Min(buffer.Length, blob.Size - _position);
        int read = wanted == 0 ? 0 : await inner.ReadAsync(buffer[..wanted], cancellationToken).ConfigureAwait(false);
        Accept(buffer.Span[..read], wanted);
        return read;
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            inner.Dispose();
            _hash.Dispose();
        }

        base.Dispose(disposing);
    }

    private void Accept(ReadOnlySpan<byte> data, int wanted)
    {
        if (data.IsEmpty && wanted > 0)
        {
            throw new SluiceException(SluiceError.Source, origin, $"blob {blob.Digest} ends after {_position} of {blob.Size} bytes");
        }

        _hash.AppendData(data);
        _position += data.Length;
        if (_position < blob.Size || _verified) return;
        if (!blob.Digest.Matches(_hash.GetCurrentHash()))
        {
            onWrong?.Invoke();
            throw new SluiceException(SluiceError.Source, origin, $"blob {blob.Digest} has other content than its digest says");
        }

        _verified = true;
    }
}
