namespace Sluice.Formats.OverlayBd;

/// <summary>
/// A stream that puts what is written to it into the tar of a block layer. The headers hold the payload's length and come first;
/// so either the length is given, and the tar is written front to back, or the output can seek, and the headers are written at the end.
/// </summary>
/// <remarks>
/// Who knows the length in neither way (compressed content to a pipe) writes the payload to a temporary file, or compresses twice:
/// the first time to <see cref="Stream.Null"/> for the length alone. Where the output can seek, so can this stream, relative to
/// the payload: a <see cref="ZFile.ZFileWriter"/> may write its header again and take blocks back. The output is not disposed.
/// </remarks>
public sealed class TarWrapperWriter : OutputStream
{
    private readonly Stream _output;
    private readonly long? _announced;
    private readonly long _start;
    private readonly int _payloadOffset;
    private long _end;
    private bool _complete;

    /// <param name="payloadLength">Bytes that will be written; null if the output can seek.</param>
    /// <param name="plain">The plain shape instead of PAX: payloads below 8 GiB.</param>
    public TarWrapperWriter(Stream output, long? payloadLength = null, bool plain = false)
    {
        ArgumentNullException.ThrowIfNull(output);
        if (payloadLength is null && !output.CanSeek) throw new ArgumentException("the length must be known where the output can't seek", nameof(payloadLength));
        _output = output;
        _announced = payloadLength;
        _start = output.CanSeek ? output.Position : 0;
        _payloadOffset = plain ? TarWrapper.PlainPayloadOffset : TarWrapper.PaxPayloadOffset;
        if (payloadLength is { } length) WriteHeader(length);
        else output.Write(new byte[_payloadOffset]);
    }

    public override bool CanRead => _output.CanRead && CanSeek;

    public override bool CanSeek => _output.CanSeek;

    public override long Length => _output.Length - _start - _payloadOffset;

    public override long Position
    {
        get => CanSeek ? _output.Position - _start - _payloadOffset : throw new NotSupportedException();
        set => Seek(value, SeekOrigin.Begin);
    }

    public override void Write(ReadOnlySpan<byte> buffer)
    {
        if (_complete) throw new InvalidOperationException("the tar is complete");
        _output.Write(buffer);
        _end = CanSeek ? Math.Max(_end, Position) : _end + buffer.Length;
    }

    public override int Read(byte[] buffer, int offset, int count) => CanRead ? _output.Read(buffer, offset, count) : base.Read(buffer, offset, count);

    public override int Read(Span<byte> buffer) => CanRead ? _output.Read(buffer) : throw new NotSupportedException();

    public override long Seek(long offset, SeekOrigin origin)
    {
        if (!CanSeek) throw new NotSupportedException();
        if (origin == SeekOrigin.Begin) offset += _start + _payloadOffset;
        return _output.Seek(offset, origin) - _start - _payloadOffset;
    }

    public override void SetLength(long value)
    {
        if (!CanSeek) throw new NotSupportedException();
        _output.SetLength(_start + _payloadOffset + value);
        _end = Math.Min(_end, value);
    }

    /// <summary>Pads and ends the tar and leaves the output at the end.</summary>
    /// <exception cref="InvalidOperationException">The announced length is not what was written.</exception>
    public TarWrapper Complete()
    {
        if (_complete) throw new InvalidOperationException("the tar is complete");
        _complete = true;
        if (_announced is { } announced && announced != _end) throw new InvalidOperationException($"{announced} bytes were announced, {_end} were written");
        var wrapper = new TarWrapper(_payloadOffset, _end);
        if (_announced is null)
        {
            _output.Seek(_start, SeekOrigin.Begin);
            WriteHeader(_end);
        }

        if (CanSeek) _output.Seek(_start + _payloadOffset + _end, SeekOrigin.Begin);
        _output.Write(new byte[wrapper.TrailerLength]);
        return wrapper;
    }

    private void WriteHeader(long payloadLength)
    {
        Span<byte> header = stackalloc byte[TarWrapper.MaxHeaderLength];
        new TarWrapper(_payloadOffset, payloadLength).WriteHeader(header);
        _output.Write(header[.._payloadOffset]);
    }
}
