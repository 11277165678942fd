using Microsoft.Win32.SafeHandles;
using Sluice.Formats;

namespace Sluice.Storage.Sources.Layouts;

/// <summary>A forward-only stream over a part of a file that others read, too. Does not own the file.</summary>
/// <param name="name">The culprit of errors.</param>
internal sealed class ArchiveRange(SafeFileHandle file, long offset, long length, string name) : ForwardStream
{
    private long _position;

    public override long Length => length;

    public override long Position { get => _position; set => throw new NotSupportedException(); }

    public override int Read(Span<byte> buffer)
    {
        int wanted = (int)Math.Min(buffer.Length, length - _position);
        int read = wanted == 0 ? 0 : RandomAccess.Read(file, buffer[..wanted], offset + _position);
        return Accept(read, wanted);
    }

    public override int Read(byte[] buffer, int offset, int count) => Read(buffer.AsSpan(offset, count));

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        int wanted = (int)Math.Min(buffer.Length, length - _position);
        int read = wanted == 0 ? 0 : await RandomAccess.ReadAsync(file, buffer[..wanted], offset + _position, cancellationToken).ConfigureAwait(false);
        return Accept(read, wanted);
    }

    private int Accept(int read, int wanted)
    {
        if (read == 0 && wanted > 0) throw new SluiceException(SluiceError.Source, name, "was cut off while it was read");
        _position += read;
        return read;
    }
}
