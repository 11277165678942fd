using Sluice.Formats;

namespace Sluice.Build.OverlayBd;

/// <summary>
/// A temporary file in <c>$TMPDIR</c> that nobody else sees: its name is gone as soon as it is open, so that it ends with the process
/// however that ends.
/// </summary>
internal sealed class ScratchFile : Stream
{
    private readonly FileStream _file;

    /// <exception cref="SluiceException">The directory can't be written to.</exception>
    public ScratchFile()
    {
        string path = Path.Combine(Path.GetTempPath(), $"sluice-{Guid.NewGuid():N}");
        _file = Guard(() => new FileStream(path, FileMode.CreateNew, FileAccess.ReadWrite, FileShare.None, bufferSize: 0));
        File.Delete(path);
    }

    public override bool CanRead => true;

    public override bool CanSeek => true;

    public override bool CanWrite => true;

    public override long Length => _file.Length;

    public override long Position
    {
        get => _file.Position;
        set => _file.Position = value;
    }

    public override int Read(Span<byte> buffer) => _file.Read(buffer);

    public override int Read(byte[] buffer, int offset, int count) => _file.Read(buffer, offset, count);

    /// <exception cref="SluiceException">The disk is full or failed.</exception>
    public override void Write(ReadOnlySpan<byte> buffer)
    {
        try
        {
            _file.Write(buffer);
        }
        catch (IOException exception)
        {
            throw Failed(exception);
        }
    }

    public override void Write(byte[] buffer, int offset, int count) => Write(buffer.AsSpan(offset, count));

    public override long Seek(long offset, SeekOrigin origin) => _file.Seek(offset, origin);

    public override void SetLength(long value) => Guard(() =>
    {
        _file.SetLength(value);
        return true;
    });

    /// <summary>Fills the buffer from <paramref name="offset"/>; the position is undefined afterwards.</summary>
    public void ReadAt(long offset, Span<byte> buffer)
    {
        _file.Position = offset;
        _file.ReadExactly(buffer);
    }

    public override void Flush()
    {
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing) _file.Dispose();
        base.Dispose(disposing);
    }

    private static T Guard<T>(Func<T> action)
    {
        try
        {
            return action();
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw Failed(exception);
        }
    }

    private static SluiceException Failed(Exception exception) => new(
        SluiceError.Disk, Path.GetTempPath(), $"can't write a temporary file: {exception.Message}", "point TMPDIR to a directory with room for the compressed image", exception);
}
