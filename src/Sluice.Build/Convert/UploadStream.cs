using Sluice.Storage.Sources;

namespace Sluice.Build.Convert;

/// <summary>Lets a writer thread stream into an upload: gathers small writes. One thread at a time.</summary>
internal sealed class UploadStream(IBlobUpload upload, CancellationToken cancellation) : Stream
{
    private readonly byte[] _buffer = GC.AllocateUninitializedArray<byte>(1 << 20);
    private int _filled;
    private long _length;

    public override bool CanRead => false;

    public override bool CanSeek => false;

    public override bool CanWrite => true;

    /// <summary>Bytes written so far.</summary>
    public override long Length => _length;

    public override long Position
    {
        get => _length;
        set => throw new NotSupportedException();
    }

    public override void Write(ReadOnlySpan<byte> buffer)
    {
        _length += buffer.Length;
        while (!buffer.IsEmpty)
        {
            int length = Math.Min(buffer.Length, _buffer.Length - _filled);
            buffer[..length].CopyTo(_buffer.AsSpan(_filled));
            _filled += length;
            buffer = buffer[length..];
            if (_filled == _buffer.Length) Flush();
        }
    }

    public override void Write(byte[] buffer, int offset, int count) => Write(buffer.AsSpan(offset, count));

    public override void Flush()
    {
        if (_filled == 0) return;
        ValueTask write = upload.WriteAsync(_buffer.AsMemory(0, _filled), cancellation);
        if (!write.IsCompletedSuccessfully) write.AsTask().GetAwaiter().GetResult(); // a thread of our own waits, none of the pool
        _filled = 0;
    }

    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();
}
